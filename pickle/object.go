package pickle

// Object is an instance of a class that this package does not know, as a recipe: how it was made and what was done
// to it. Nothing of it is ever run. Encoding it gives Python the same recipe.
//
// Two Objects are equal if their recipes are, which is not what Python says of a class without __eq__.
type Object struct {
	How      Construction
	Callable any    // the class or function, mostly a *Global; see Construction
	Args     *Tuple // nil for ByExtension and ByPersistentID
	Kwargs   *Dict  // of ByNewEx

	// What was done to the object then, in this order, as CPython does.
	Items    []any  // appended, as to a subclass of list
	Pairs    []Pair // set, as in a subclass of dict
	State    any    // given to __setstate__ or __dict__, if HasState
	HasState bool

	After []Step // anything else, in order
}

// Construction is how an Object was made.
type Construction uint8

// The ways to make an Object.
const (
	ByReduce       Construction = iota // Callable(*Args)
	ByNew                              // Callable.__new__(Callable, *Args)
	ByNewEx                            // Callable.__new__(Callable, *Args, **Kwargs)
	ByInstance                         // Callable(*Args), or a bare instance if there are no Args: protocols 0 and 1 of Python 2
	ByExtension                        // what copyreg's extension registry has under the code Callable, an int64
	ByPersistentID                     // what the program has outside of the pickle, under the id Callable
)

// Pair is one item of an Object that is like a dict.
type Pair struct{ Key, Value any }

// Step is one more thing that was done to an Object after it was made.
type Step struct {
	Kind     StepKind
	Items    []any  // of StepAppend and StepAdd
	Pairs    []Pair // of StepSet
	State    any    // of StepState and StepCall
	Callable any    // of StepCall
}

// StepKind is the kind of a Step.
type StepKind uint8

// The kinds of steps.
const (
	StepAppend StepKind = iota // object.extend(Items)
	StepSet                    // object[key] = value for each of Pairs
	StepAdd                    // object.add(item) for each of Items
	StepState                  // object.__setstate__(State)
	StepCall                   // Callable(object, State): the sixth element of __reduce__'s tuple
)

// NewException returns an exception of the class module.name with args.
func NewException(module, name string, args ...any) *Object {
	return &Object{Callable: &Global{module, name}, Args: &Tuple{args}}
}

// Class returns the name of what made the object, which mostly is its class; ok is false if there is no name.
func (o *Object) Class() (module, name string, ok bool) {
	g, ok := o.Callable.(*Global)
	if ok && *g == (Global{"copyreg", "_reconstructor"}) && o.Args != nil && len(o.Args.Items) > 0 {
		g, ok = o.Args.Items[0].(*Global) // as protocols 0 and 1 have it
	}
	if !ok {
		return "", "", false
	}
	return g.Module, g.Name, true
}

// append is what APPENDS does to the object.
func (o *Object) append(items []any) {
	switch {
	case o.Pairs == nil && !o.HasState && o.After == nil:
		o.Items = append(o.Items, items...)
	default:
		s := o.step(StepAppend)
		s.Items = append(s.Items, items...)
	}
}

// add is what ADDITEMS does to the object.
func (o *Object) add(items []any) {
	s := o.step(StepAdd)
	s.Items = append(s.Items, items...)
}

// set is what SETITEMS does to the object: items are keys and values in turn.
func (o *Object) set(items []any) {
	pairs := &o.Pairs
	if o.HasState || o.After != nil {
		pairs = &o.step(StepSet).Pairs
	}
	for i := 0; i < len(items); i += 2 {
		*pairs = append(*pairs, Pair{items[i], items[i+1]})
	}
}

// build is what BUILD does to the object.
func (o *Object) build(state any) {
	if !o.HasState && o.After == nil {
		o.State, o.HasState = state, true
		return
	}
	o.After = append(o.After, Step{Kind: StepState, State: state})
}

// step returns the last step if it is of this kind, else a new one.
func (o *Object) step(kind StepKind) *Step {
	if n := len(o.After); n == 0 || o.After[n-1].Kind != kind {
		o.After = append(o.After, Step{Kind: kind})
	}
	return &o.After[len(o.After)-1]
}
