package main

import (
	"cmp"
	"strings"
)

// phrases is what the program says, by language. Package variables that are
// initialized where they are declared, and not changed, are the same in all processes.
var phrases = map[string]struct {
	starts string // the process
	done   string // the process, the total so far
	all    string // how long it took
	total  string
}{
	"en": {
		starts: "process %d starts...\n",
		done:   "process %d is done, the value now: %d\n",
		all:    "\nall processes are done, it took %.4f seconds\n",
		total:  "the shared counter at the end: %d\n",
	},
	"zh": {
		starts: "进程 %d 启动...\n",
		done:   "进程 %d 完成，当前值: %d\n",
		all:    "\n所有进程执行完毕，耗时: %.4f 秒\n",
		total:  "最终共享计数器的值: %d\n",
	},
}

// language is that of the locale, of which the first of these variables decides.
func language(getenv func(string) string) string {
	locale := cmp.Or(getenv("LC_ALL"), getenv("LC_MESSAGES"), getenv("LANG"))
	if strings.HasPrefix(locale, "zh") {
		return "zh"
	}
	return "en"
}
