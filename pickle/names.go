package pickle

import (
	"strings"
	"sync"
)

// Pickles of protocols 0 to 2 have the names of Python 2. Which these are is what Python's _compat_pickle says.

// toPython3 returns the name in Python 3 of what was module.name in Python 2.
func toPython3(module, name string) (string, string) { return renamings().newer.of(module, name) }

// toPython2 returns the name in Python 2 of what is module.name in Python 3.
func toPython2(module, name string) (string, string) { return renamings().older.of(module, name) }

// renamedClasses has classes and functions: the modules in Python 2 and 3, and the names, of which some have a second one
// in Python 3. The sign says in which direction it holds.
const renamedClasses = `
UserDict <> collections IterableUserDict=UserDict
UserDict > collections UserDict
UserList <> collections UserList
UserString <> collections UserString
__builtin__ <> builtins long=int unichr=chr unicode=str xrange=range
__builtin__ > builtins basestring=str
__builtin__ <> functools reduce
__builtin__ < _functools reduce
__builtin__ <> sys intern
_multiprocessing <> multiprocessing.connection Connection
_socket <> socket fromfd
exceptions <> builtins ArithmeticError AssertionError AttributeError BaseException BufferError BytesWarning DeprecationWarning
exceptions <> builtins EOFError EnvironmentError Exception FloatingPointError FutureWarning GeneratorExit IOError ImportError
exceptions <> builtins ImportWarning IndentationError IndexError KeyError KeyboardInterrupt LookupError MemoryError NameError
exceptions <> builtins NotImplementedError OSError OverflowError PendingDeprecationWarning ReferenceError RuntimeError
exceptions <> builtins RuntimeWarning StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError TypeError
exceptions <> builtins UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError UnicodeWarning
exceptions <> builtins UserWarning ValueError Warning ZeroDivisionError
exceptions > builtins StandardError=Exception
exceptions < builtins ImportError=ModuleNotFoundError OSError=BrokenPipeError OSError=ChildProcessError OSError=ConnectionAbortedError
exceptions < builtins OSError=ConnectionError OSError=ConnectionRefusedError OSError=ConnectionResetError OSError=FileExistsError
exceptions < builtins OSError=FileNotFoundError OSError=InterruptedError OSError=IsADirectoryError OSError=NotADirectoryError
exceptions < builtins OSError=PermissionError OSError=ProcessLookupError OSError=TimeoutError
itertools <> builtins ifilter=filter imap=map izip=zip
itertools <> itertools ifilterfalse=filterfalse izip_longest=zip_longest
multiprocessing <> multiprocessing.context AuthenticationError BufferTooShort ProcessError TimeoutError
multiprocessing.forking <> multiprocessing.popen_fork Popen
multiprocessing.process <> multiprocessing.context Process
socket > socket _socketobject=SocketType
socket < _socket _socketobject=socket
urllib <> urllib.error ContentTooShortError
urllib <> urllib.request getproxies pathname2url url2pathname urlcleanup urlopen urlretrieve
urllib <> urllib.parse quote quote_plus unquote unquote_plus urlencode
urllib2 <> urllib.error HTTPError URLError
whichdb <> dbm whichdb
CGIHTTPServer < http.server CGIHTTPRequestHandler
DocXMLRPCServer < xmlrpc.server DocCGIXMLRPCRequestHandler DocXMLRPCRequestHandler DocXMLRPCServer ServerHTMLDoc XMLRPCDocGenerator
FileDialog < tkinter.filedialog FileDialog LoadFileDialog SaveFileDialog
SimpleDialog < tkinter.simpledialog SimpleDialog
SimpleHTTPServer < http.server SimpleHTTPRequestHandler
`

// renamedModules has modules, for all else that is in them.
const renamedModules = `
BaseHTTPServer <> http.server
CGIHTTPServer > http.server
ConfigParser <> configparser
Cookie <> http.cookies
Dialog <> tkinter.dialog
DocXMLRPCServer > xmlrpc.server
FileDialog > tkinter.filedialog
HTMLParser <> html.parser
Queue <> queue
ScrolledText <> tkinter.scrolledtext
SimpleDialog > tkinter.simpledialog
SimpleHTTPServer > http.server
SimpleXMLRPCServer <> xmlrpc.server
SocketServer <> socketserver
StringIO > io
Tix <> tkinter.tix
Tkconstants <> tkinter.constants
Tkdnd <> tkinter.dnd
Tkinter <> tkinter
UserDict > collections
UserList > collections
UserString > collections
__builtin__ <> builtins
_abcoll <> collections.abc
_elementtree > xml.etree.ElementTree
_winreg <> winreg
anydbm <> dbm
bz2 < _bz2
cPickle > pickle
cStringIO > io
commands <> subprocess
cookielib <> http.cookiejar
copy_reg <> copyreg
dbhash <> dbm.bsd
dbm <> dbm.ndbm
dbm < _dbm
dumbdbm <> dbm.dumb
dummy_thread <> _dummy_thread
functools < _functools
gdbm <> dbm.gnu
gdbm < _gdbm
htmlentitydefs <> html.entities
httplib <> http.client
markupbase <> _markupbase
pickle < _pickle
repr <> reprlib
robotparser <> urllib.robotparser
test.test_support <> test.support
thread <> _thread
tkColorChooser <> tkinter.colorchooser
tkCommonDialog <> tkinter.commondialog
tkFileDialog <> tkinter.filedialog
tkFont <> tkinter.font
tkMessageBox <> tkinter.messagebox
tkSimpleDialog <> tkinter.simpledialog
ttk <> tkinter.ttk
urllib2 <> urllib.request
urlparse <> urllib.parse
whichdb > dbm
xmlrpclib <> xmlrpc.client
`

// renaming is one direction of the two tables. A module as a whole has no name.
type renaming map[Global]Global

func (r renaming) of(module, name string) (string, string) {
	if g, ok := r[Global{module, name}]; ok {
		return g.Module, g.Name
	}
	if g, ok := r[Global{module, ""}]; ok {
		return g.Module, name
	}
	return module, name
}

// renamings are the tables as maps, made when the first old name is met.
var renamings = sync.OnceValue(func() (r struct{ newer, older renaming }) {
	r.newer, r.older = make(renaming), make(renaming)
	texts := map[string]string{builtins: builtins} // as in CPython a module's name is one str
	one := func(s string) string {
		if known, ok := texts[s]; ok {
			return known
		}
		texts[s] = s
		return s
	}
	for line := range strings.Lines(renamedClasses + renamedModules) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		names := words[3:]
		if len(names) == 0 {
			names = []string{""} // the module
		}
		for _, name := range names {
			before, after, renamed := strings.Cut(name, "=")
			if !renamed {
				after = before
			}
			in2, in3 := Global{one(words[0]), before}, Global{one(words[2]), after}
			if strings.Contains(words[1], ">") {
				r.newer[in2] = in3
			}
			if strings.Contains(words[1], "<") {
				r.older[in3] = in2
			}
		}
	}
	return r
})
