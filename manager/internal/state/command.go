package state

import (
	"time"

	"github.com/multiproc-go/multiproc/pickle"
)

// Client is one connection of the server. Its number is never used again.
type Client uint64

// Holder is a process that can hold references, as far as the server can tell them apart. Zero stands for all that it
// cannot.
type Holder uint64

// Op is what a Command does.
type Op uint8

// The commands. Of the fields that are not named, Now counts in all of them; Client, Request and Protocol in those that
// have a reply.
const (
	Connect    Op = iota + 1 // Client, of Holder, is there. A Call of an unknown Client implies it. No reply.
	Disconnect               // Client is gone: its calls that wait are withdrawn, what it holds is free. No reply.
	Gone                     // Holder has died: its counts are dropped. No reply.
	Create                   // A new object of Type from Args and Kwargs, with one count for Holder: (ident, exposed).
	Incref                   // One more count of Ident for Holder.
	Decref                   // One count of Ident less, of Holder if it has one.
	Call                     // Method of Ident with Args and Kwargs.
	Methods                  // The names that Ident exposes.
	Debug                    // CPython's debug_info.
	Count                    // How many objects have counts, CPython's number_of_objects.
	Tick                     // Nothing but Now. No reply of its own.
)

// Command is one step of a State. Args and Kwargs belong to the State from Apply on; nil stands for an empty one.
// Proxies in them are as Resolve makes them.
type Command struct {
	Op       Op
	Client   Client
	Holder   Holder
	Request  uint64        // which call of Client the reply belongs to; of Disconnect, the first whose reply has not arrived, or 0
	Unread   uint64        // of a Call, the first call of Client whose reply may not have arrived yet; 0 is this one
	Now      time.Duration // logical time; if it goes back, it stands still
	Protocol int           // of the reply's pickle, from 2 to 5

	Type   string // of Create
	Ident  string
	Method string // of Call
	Args   *pickle.Tuple
	Kwargs *pickle.Dict
}

// Reply is the answer to one Command, mostly to the one just applied, or to an earlier one that had to wait.
type Reply struct {
	Client  Client
	Request uint64
	// Data is the pickle of (kind, result), valid until the next Apply. It must not be changed.
	Data []byte
	// Foreign is set if the server has to act. If Method of the Command is set, it is to run that method of its object
	// Ident, and Data is empty. Else it is to create the object Ident, and to send Data if that succeeds; if not, it
	// takes the count back with a Decref.
	Foreign bool
	Ident   string
}
