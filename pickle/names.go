package pickle

// The tables of Python's _compat_pickle: pickles of protocols 0 to 2 have the names of Python 2.

// toPython3 returns the name in Python 3 of what was module.name in Python 2.
func toPython3(module, name string) (string, string) {
	if m, n, ok := newNames(module, name); ok {
		return m, n
	}
	return newModule(module), name
}

// toPython2 returns the name in Python 2 of what is module.name in Python 3.
func toPython2(module, name string) (string, string) {
	if m, n, ok := oldNames(module, name); ok {
		return m, n
	}
	return oldModule(module), name
}

// newNames is NAME_MAPPING.
func newNames(module, name string) (newModule, newName string, ok bool) {
	switch module {
	case "__builtin__":
		switch name {
		case "reduce":
			return "functools", name, true
		case "intern":
			return "sys", name, true
		case "xrange":
			return "builtins", "range", true
		case "unichr":
			return "builtins", "chr", true
		case "unicode", "basestring":
			return "builtins", "str", true
		case "long":
			return "builtins", "int", true
		}
	case "itertools":
		switch name {
		case "izip":
			return "builtins", "zip", true
		case "imap":
			return "builtins", "map", true
		case "ifilter":
			return "builtins", "filter", true
		case "ifilterfalse":
			return "itertools", "filterfalse", true
		case "izip_longest":
			return "itertools", "zip_longest", true
		}
	case "UserDict":
		switch name {
		case "UserDict":
			return "collections", name, true
		case "IterableUserDict":
			return "collections", "UserDict", true
		}
	case "UserList":
		switch name {
		case "UserList":
			return "collections", name, true
		}
	case "UserString":
		switch name {
		case "UserString":
			return "collections", name, true
		}
	case "whichdb":
		switch name {
		case "whichdb":
			return "dbm", name, true
		}
	case "_socket":
		switch name {
		case "fromfd":
			return "socket", name, true
		}
	case "_multiprocessing":
		switch name {
		case "Connection":
			return "multiprocessing.connection", name, true
		}
	case "multiprocessing.process":
		switch name {
		case "Process":
			return "multiprocessing.context", name, true
		}
	case "multiprocessing.forking":
		switch name {
		case "Popen":
			return "multiprocessing.popen_fork", name, true
		}
	case "urllib":
		switch name {
		case "ContentTooShortError":
			return "urllib.error", name, true
		case "getproxies", "pathname2url", "url2pathname", "urlcleanup", "urlopen", "urlretrieve":
			return "urllib.request", name, true
		case "quote_plus", "quote", "unquote_plus", "unquote", "urlencode":
			return "urllib.parse", name, true
		}
	case "urllib2":
		switch name {
		case "HTTPError", "URLError":
			return "urllib.error", name, true
		}
	case "exceptions":
		switch name {
		case "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "BufferError",
			"BytesWarning", "DeprecationWarning", "EOFError", "EnvironmentError", "Exception",
			"FloatingPointError", "FutureWarning", "GeneratorExit", "IOError", "ImportError", "ImportWarning",
			"IndentationError", "IndexError", "KeyError", "KeyboardInterrupt", "LookupError", "MemoryError",
			"NameError", "NotImplementedError", "OSError", "OverflowError", "PendingDeprecationWarning",
			"ReferenceError", "RuntimeError", "RuntimeWarning", "StopIteration", "SyntaxError", "SyntaxWarning",
			"SystemError", "SystemExit", "TabError", "TypeError", "UnboundLocalError", "UnicodeDecodeError",
			"UnicodeEncodeError", "UnicodeError", "UnicodeTranslateError", "UnicodeWarning", "UserWarning",
			"ValueError", "Warning", "ZeroDivisionError":
			return "builtins", name, true
		case "StandardError":
			return "builtins", "Exception", true
		}
	case "multiprocessing":
		switch name {
		case "AuthenticationError", "BufferTooShort", "ProcessError", "TimeoutError":
			return "multiprocessing.context", name, true
		}
	case "socket":
		switch name {
		case "_socketobject":
			return "socket", "SocketType", true
		}
	}
	return module, name, false
}

// newModule is IMPORT_MAPPING.
func newModule(module string) string {
	switch module {
	case "__builtin__":
		return "builtins"
	case "copy_reg":
		return "copyreg"
	case "Queue":
		return "queue"
	case "SocketServer":
		return "socketserver"
	case "ConfigParser":
		return "configparser"
	case "repr":
		return "reprlib"
	case "tkFileDialog", "FileDialog":
		return "tkinter.filedialog"
	case "tkSimpleDialog", "SimpleDialog":
		return "tkinter.simpledialog"
	case "tkColorChooser":
		return "tkinter.colorchooser"
	case "tkCommonDialog":
		return "tkinter.commondialog"
	case "Dialog":
		return "tkinter.dialog"
	case "Tkdnd":
		return "tkinter.dnd"
	case "tkFont":
		return "tkinter.font"
	case "tkMessageBox":
		return "tkinter.messagebox"
	case "ScrolledText":
		return "tkinter.scrolledtext"
	case "Tkconstants":
		return "tkinter.constants"
	case "ttk":
		return "tkinter.ttk"
	case "Tkinter":
		return "tkinter"
	case "markupbase":
		return "_markupbase"
	case "_winreg":
		return "winreg"
	case "thread":
		return "_thread"
	case "dummy_thread":
		return "_dummy_thread"
	case "dbhash":
		return "dbm.bsd"
	case "dumbdbm":
		return "dbm.dumb"
	case "dbm":
		return "dbm.ndbm"
	case "gdbm":
		return "dbm.gnu"
	case "xmlrpclib":
		return "xmlrpc.client"
	case "SimpleXMLRPCServer", "DocXMLRPCServer":
		return "xmlrpc.server"
	case "httplib":
		return "http.client"
	case "htmlentitydefs":
		return "html.entities"
	case "HTMLParser":
		return "html.parser"
	case "Cookie":
		return "http.cookies"
	case "cookielib":
		return "http.cookiejar"
	case "BaseHTTPServer", "SimpleHTTPServer", "CGIHTTPServer":
		return "http.server"
	case "test.test_support":
		return "test.support"
	case "commands":
		return "subprocess"
	case "urlparse":
		return "urllib.parse"
	case "robotparser":
		return "urllib.robotparser"
	case "urllib2":
		return "urllib.request"
	case "anydbm", "whichdb":
		return "dbm"
	case "_abcoll":
		return "collections.abc"
	case "cPickle":
		return "pickle"
	case "_elementtree":
		return "xml.etree.ElementTree"
	case "UserDict", "UserList", "UserString":
		return "collections"
	case "StringIO", "cStringIO":
		return "io"
	}
	return module
}

// oldNames is REVERSE_NAME_MAPPING.
func oldNames(module, name string) (newModule, newName string, ok bool) {
	switch module {
	case "builtins":
		switch name {
		case "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "BufferError",
			"BytesWarning", "DeprecationWarning", "EOFError", "EnvironmentError", "Exception",
			"FloatingPointError", "FutureWarning", "GeneratorExit", "IOError", "ImportError", "ImportWarning",
			"IndentationError", "IndexError", "KeyError", "KeyboardInterrupt", "LookupError", "MemoryError",
			"NameError", "NotImplementedError", "OSError", "OverflowError", "PendingDeprecationWarning",
			"ReferenceError", "RuntimeError", "RuntimeWarning", "StopIteration", "SyntaxError", "SyntaxWarning",
			"SystemError", "SystemExit", "TabError", "TypeError", "UnboundLocalError", "UnicodeDecodeError",
			"UnicodeEncodeError", "UnicodeError", "UnicodeTranslateError", "UnicodeWarning", "UserWarning",
			"ValueError", "Warning", "ZeroDivisionError":
			return "exceptions", name, true
		case "range":
			return "__builtin__", "xrange", true
		case "chr":
			return "__builtin__", "unichr", true
		case "str":
			return "__builtin__", "unicode", true
		case "int":
			return "__builtin__", "long", true
		case "zip":
			return "itertools", "izip", true
		case "map":
			return "itertools", "imap", true
		case "filter":
			return "itertools", "ifilter", true
		case "BrokenPipeError", "ChildProcessError", "ConnectionAbortedError", "ConnectionError",
			"ConnectionRefusedError", "ConnectionResetError", "FileExistsError", "FileNotFoundError",
			"InterruptedError", "IsADirectoryError", "NotADirectoryError", "PermissionError",
			"ProcessLookupError", "TimeoutError":
			return "exceptions", "OSError", true
		case "ModuleNotFoundError":
			return "exceptions", "ImportError", true
		}
	case "functools":
		switch name {
		case "reduce":
			return "__builtin__", name, true
		}
	case "sys":
		switch name {
		case "intern":
			return "__builtin__", name, true
		}
	case "itertools":
		switch name {
		case "filterfalse":
			return "itertools", "ifilterfalse", true
		case "zip_longest":
			return "itertools", "izip_longest", true
		}
	case "collections":
		switch name {
		case "UserList":
			return "UserList", name, true
		case "UserString":
			return "UserString", name, true
		case "UserDict":
			return "UserDict", "IterableUserDict", true
		}
	case "dbm":
		switch name {
		case "whichdb":
			return "whichdb", name, true
		}
	case "socket":
		switch name {
		case "fromfd":
			return "_socket", name, true
		}
	case "multiprocessing.connection":
		switch name {
		case "Connection":
			return "_multiprocessing", name, true
		}
	case "multiprocessing.context":
		switch name {
		case "Process":
			return "multiprocessing.process", name, true
		case "AuthenticationError", "BufferTooShort", "ProcessError", "TimeoutError":
			return "multiprocessing", name, true
		}
	case "multiprocessing.popen_fork":
		switch name {
		case "Popen":
			return "multiprocessing.forking", name, true
		}
	case "urllib.error":
		switch name {
		case "ContentTooShortError":
			return "urllib", name, true
		case "HTTPError", "URLError":
			return "urllib2", name, true
		}
	case "urllib.request":
		switch name {
		case "getproxies", "pathname2url", "url2pathname", "urlcleanup", "urlopen", "urlretrieve":
			return "urllib", name, true
		}
	case "urllib.parse":
		switch name {
		case "quote_plus", "quote", "unquote_plus", "unquote", "urlencode":
			return "urllib", name, true
		}
	case "_functools":
		switch name {
		case "reduce":
			return "__builtin__", name, true
		}
	case "tkinter.filedialog":
		switch name {
		case "FileDialog", "LoadFileDialog", "SaveFileDialog":
			return "FileDialog", name, true
		}
	case "tkinter.simpledialog":
		switch name {
		case "SimpleDialog":
			return "SimpleDialog", name, true
		}
	case "xmlrpc.server":
		switch name {
		case "ServerHTMLDoc", "XMLRPCDocGenerator", "DocXMLRPCRequestHandler", "DocXMLRPCServer",
			"DocCGIXMLRPCRequestHandler":
			return "DocXMLRPCServer", name, true
		}
	case "http.server":
		switch name {
		case "SimpleHTTPRequestHandler":
			return "SimpleHTTPServer", name, true
		case "CGIHTTPRequestHandler":
			return "CGIHTTPServer", name, true
		}
	case "_socket":
		switch name {
		case "socket":
			return "socket", "_socketobject", true
		}
	}
	return module, name, false
}

// oldModule is REVERSE_IMPORT_MAPPING.
func oldModule(module string) string {
	switch module {
	case "builtins":
		return "__builtin__"
	case "copyreg":
		return "copy_reg"
	case "queue":
		return "Queue"
	case "socketserver":
		return "SocketServer"
	case "configparser":
		return "ConfigParser"
	case "reprlib":
		return "repr"
	case "tkinter.filedialog":
		return "tkFileDialog"
	case "tkinter.simpledialog":
		return "tkSimpleDialog"
	case "tkinter.colorchooser":
		return "tkColorChooser"
	case "tkinter.commondialog":
		return "tkCommonDialog"
	case "tkinter.dialog":
		return "Dialog"
	case "tkinter.dnd":
		return "Tkdnd"
	case "tkinter.font":
		return "tkFont"
	case "tkinter.messagebox":
		return "tkMessageBox"
	case "tkinter.scrolledtext":
		return "ScrolledText"
	case "tkinter.constants":
		return "Tkconstants"
	case "tkinter.ttk":
		return "ttk"
	case "tkinter":
		return "Tkinter"
	case "_markupbase":
		return "markupbase"
	case "winreg":
		return "_winreg"
	case "_thread":
		return "thread"
	case "_dummy_thread":
		return "dummy_thread"
	case "dbm.bsd":
		return "dbhash"
	case "dbm.dumb":
		return "dumbdbm"
	case "dbm.ndbm", "_dbm":
		return "dbm"
	case "dbm.gnu", "_gdbm":
		return "gdbm"
	case "xmlrpc.client":
		return "xmlrpclib"
	case "xmlrpc.server":
		return "SimpleXMLRPCServer"
	case "http.client":
		return "httplib"
	case "html.entities":
		return "htmlentitydefs"
	case "html.parser":
		return "HTMLParser"
	case "http.cookies":
		return "Cookie"
	case "http.cookiejar":
		return "cookielib"
	case "http.server":
		return "BaseHTTPServer"
	case "test.support":
		return "test.test_support"
	case "subprocess":
		return "commands"
	case "urllib.parse":
		return "urlparse"
	case "urllib.robotparser":
		return "robotparser"
	case "urllib.request":
		return "urllib2"
	case "dbm":
		return "anydbm"
	case "collections.abc":
		return "_abcoll"
	case "_bz2":
		return "bz2"
	case "_functools":
		return "functools"
	case "_pickle":
		return "pickle"
	}
	return module
}
