package main

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// The picture, in pixels.
const (
	chartWidth = 760
	nameWidth  = 220
	barWidth   = 380 // of the longest bar of a group
	rowHeight  = 22
	titleSpace = 34
)

// draw writes the report as a picture: for each workload that is meant for it a
// group of bars, one for each system, as long as its median in the group's own scale.
func (r *report) draw(w io.Writer) error {
	var body strings.Builder
	y := 8
	for _, s := range r.Sections {
		if s.workload.chart {
			y = s.draw(&body, y)
		}
	}
	y += 30
	fmt.Fprintf(&body, `<text class="small" x="12" y="%d">%s</text>`+"\n", y-8, html.EscapeString(strings.Join(r.Machine, "; ")))
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="multiproc beside others; shorter is better">
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.small { font-size: 10px; fill: #59636e; }
.name { text-anchor: end; }
rect { fill: #afb8c1; }
.ours { fill: #00add8; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.small { fill: #9198a1; }
rect { fill: #57606a; }
.ours { fill: #00add8; }
}
</style>
%s</svg>
`, chartWidth, y, body.String())
	return err
}

// draw draws one group below y and returns where it ends.
func (s *section) draw(w io.Writer, y int) int {
	longest := 0.0
	for _, l := range s.lines {
		if len(l.samples) > 0 {
			longest = max(longest, median.of(l.samples))
		}
	}
	longest = cmp.Or(longest, 1)
	y += titleSpace
	fmt.Fprintf(w, `<text class="title" x="12" y="%d">%s</text><text class="small" x="%d" y="%[1]d" text-anchor="end">shorter is better</text>`+"\n",
		y-10, html.EscapeString(s.workload.title), chartWidth-12)
	for _, l := range s.lines {
		class, length, label := "other", 0.0, "not measured"
		if strings.HasPrefix(l.system, ours) {
			class = "ours"
		}
		if n := len(l.samples); n > 0 {
			m := median.of(l.samples)
			length = math.Max(1, m/longest*barWidth)
			label = s.workload.unit.in(m)
			if n >= 100 && s.workload.rounds == 1 {
				label += ", p99 " + s.workload.unit.in(p99.of(l.samples))
			}
		}
		fmt.Fprintf(w, `<text class="name" x="%d" y="%d">%s</text><rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/><text x="%.1f" y="%[2]d">%[10]s</text>`+"\n",
			nameWidth-8, y+15, html.EscapeString(l.system), class, nameWidth, y+3, length, rowHeight-6, nameWidth+length+6, html.EscapeString(label))
		y += rowHeight
	}
	return y
}
