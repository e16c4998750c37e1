// Judge reads the history of many carts (JSON Lines on standard input, an operation a line) and says of each cart whether there is
// an order of its operations that agrees with every answer and with the times at which they were asked and answered: whether the
// cart is linearizable. Porcupine searches for the order; this program only describes a cart to it.
//
//	judge [-seconds N] [-pictures FOLDER] < HISTORY
//
// Prints one line of JSON with the counts, and a line for each cart that is not linearizable or could not be decided in time. Exit
// status: 0 all carts are linearizable, 1 at least one is not, 2 at least one could not be decided, 3 the history cannot be read.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// What a client asked for and heard.
type operation struct {
	Cart    string         `json:"cart"`
	Client  int            `json:"client"`
	Call    int64          `json:"call"`   // ns, by one clock for all clients
	Return  int64          `json:"return"` // 0: the outcome is unknown
	Do      string         `json:"do"`     // create, add, set, checkout, delete, read; merge, and of the cart whose lines it takes: merged
	Lines   map[string]int `json:"lines"`  // of a create, add, set or merge: what was asked for; of a read: what was seen
	Outcome string         `json:"outcome"`
	Version int            `json:"version"` // after a change that was done (of a merge 0: nobody was told), or as read
	Closed  bool           `json:"closed"`  // as read
}

// The attributes of a line are a line too, whose name begins with this.
const attributes = "-"

// Outcomes.
const (
	done     = "done"
	unknown  = "unknown" // may have been done once at any time after its call, or never
	isClosed = "closed"  // refused because the cart was checked out
	missing  = "missing" // refused because there was no such cart
	empty    = "empty"   // a checkout that was refused because the cart had no lines
)

const end = "end" // a mark after the last answer: from there on what is unknown may be left undone

// A cart at one point of an order. Comparable, so that Porcupine can recognise one that it has met.
type cart struct {
	version      int // 0: not created yet
	closed, gone bool
	ended        bool
	lines        string // as encode() writes them
}

func encode(lines map[string]int) string {
	names := make([]string, 0, len(lines))
	for name := range lines {
		names = append(names, name)
	}
	sort.Strings(names)
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "%s=%d ", name, lines[name])
	}
	return text.String()
}

func decode(text string) map[string]int {
	lines := map[string]int{}
	for _, line := range strings.Fields(text) {
		name, quantity, _ := strings.Cut(line, "=")
		lines[name], _ = strconv.Atoi(quantity)
	}
	return lines
}

func (c cart) exists() bool { return c.version > 0 && !c.gone }

// The cart after a change; false: the rules do not allow it there.
func (c cart) after(op *operation) (bool, cart) {
	if op.Do == "create" {
		return c.version == 0, cart{version: 1, lines: encode(op.Lines)}
	}
	if !c.exists() {
		return false, c
	}
	switch op.Do {
	case "delete":
		c.gone = true
		return true, c
	case "checkout", "merged":
		if c.closed || c.lines == "" {
			return false, c
		}
		c.closed = true
	case "add", "set", "merge":
		if c.closed {
			return false, c
		}
		lines := decode(c.lines)
		for name, quantity := range op.Lines {
			there, known := lines[name]
			switch {
			case op.Do == "merge" && strings.HasPrefix(name, attributes) && known:
				quantity = there // the cart's own stay
			case op.Do != "set":
				quantity += there
			}
			lines[name] = quantity
		}
		c.lines = encode(lines)
	}
	c.version++
	return true, c
}

// Whether a refusal, which changes nothing, is true of the cart.
func (c cart) agrees(outcome string) bool {
	switch outcome {
	case isClosed:
		return c.exists() && c.closed
	case missing:
		return !c.exists()
	case empty:
		return c.exists() && c.lines == ""
	}
	return false
}

// One cart's history. The versions that answers to changes name are no other change's, and what an unknown change did after the last version
// that anybody saw is not visible in the history, so it may as well not have been done (a checkout is visible by its refusals).
// Both keep the search short and exclude nothing that is possible.
type history struct {
	operations []porcupine.Operation
	named      map[int]bool
	newest     int // version in any answer
}

func (h *history) allows(op *operation, before, next cart) bool {
	return next.version == before.version || !h.named[next.version] && (next.version <= h.newest || op.Do == "checkout")
}

func (h *history) step(c cart, op *operation) (bool, cart) {
	switch {
	case op.Do == end:
		c.ended = true
		return true, c
	case op.Outcome == unknown:
		if c.ended {
			return true, c
		}
		possible, next := c.after(op)
		return possible && h.allows(op, c, next), next
	case op.Outcome != done:
		return c.agrees(op.Outcome), c
	case op.Do == "read":
		return c.exists() && c.version == op.Version && c.closed == op.Closed && c.lines == encode(op.Lines), c
	}
	possible, next := c.after(op)
	if op.Version == 0 && op.Do != "delete" {
		return possible && !h.named[next.version], next
	}
	return possible && (op.Do == "delete" || next.version == op.Version), next
}

func (h *history) model() porcupine.Model {
	return porcupine.Model{
		Init: func() interface{} { return cart{} },
		Step: func(state, input, _ interface{}) (bool, interface{}) {
			possible, next := h.step(state.(cart), input.(*operation))
			return possible, next
		},
		DescribeOperation: func(input, _ interface{}) string { return input.(*operation).String() },
		DescribeState: func(state interface{}) string {
			c := state.(cart)
			return fmt.Sprintf("version %d closed=%t gone=%t %s", c.version, c.closed, c.gone, c.lines)
		},
	}
}

func (op *operation) String() string {
	if op.Do == end {
		return end
	}
	return fmt.Sprintf("%s %s: %s, version %d", op.Do, encode(op.Lines), op.Outcome, op.Version)
}

func greater(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}

func read(from io.Reader) (map[string]*history, error) {
	histories := map[string]*history{}
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	var last int64
	for number := 1; lines.Scan(); number++ {
		op := &operation{}
		if err := json.Unmarshal(lines.Bytes(), op); err != nil {
			return nil, fmt.Errorf("line %d: %v", number, err)
		}
		if op.Outcome == unknown {
			op.Return = math.MaxInt64
		}
		if op.Cart == "" || op.Return < op.Call {
			return nil, fmt.Errorf("line %d: no cart, or answered before it was asked", number)
		}
		h := histories[op.Cart]
		if h == nil {
			h = &history{named: map[int]bool{}}
			histories[op.Cart] = h
		}
		if op.Outcome == done && op.Do != "read" && op.Version != 0 {
			h.named[op.Version] = true
		}
		if op.Outcome != unknown {
			last = greater(last, op.Return)
			h.newest = int(greater(int64(h.newest), int64(op.Version)))
		}
		h.operations = append(h.operations, porcupine.Operation{ClientId: op.Client, Input: op, Call: op.Call, Return: op.Return})
	}
	for _, h := range histories {
		mark := porcupine.Operation{ClientId: len(h.operations), Input: &operation{Do: end}, Call: last + 1, Return: last + 2}
		h.operations = append(h.operations, mark)
	}
	return histories, lines.Err()
}

type counts struct {
	Carts      int `json:"carts"`
	Operations int `json:"operations"`
	Unknown    int `json:"unknown"`
	Wrong      int `json:"not_linearizable"`
	Undecided  int `json:"undecided"`
}

func (n *counts) judge(id string, h *history, limit time.Duration, pictures string) {
	n.Carts++
	n.Operations += len(h.operations) - 1
	for _, op := range h.operations {
		if op.Return == math.MaxInt64 {
			n.Unknown++
		}
	}
	model := h.model()
	verdict := porcupine.CheckOperationsTimeout(model, h.operations, limit)
	switch verdict {
	case porcupine.Illegal:
		n.Wrong++
	case porcupine.Unknown:
		n.Undecided++
	default:
		return
	}
	fmt.Printf("cart %s: %s, %d operations\n", id, map[porcupine.CheckResult]string{porcupine.Illegal: "not linearizable", porcupine.Unknown: "not decided in time"}[verdict], len(h.operations)-1)
	if pictures != "" && verdict == porcupine.Illegal {
		_, info := porcupine.CheckOperationsVerbose(model, h.operations, limit)
		path := filepath.Join(pictures, id+".html")
		if err := porcupine.VisualizePath(model, info, path); err != nil {
			fmt.Fprintf(os.Stderr, "judge: %s: %v\n", path, err)
		}
	}
}

func main() {
	seconds := flag.Int("seconds", 60, "how long to search for one cart's order")
	pictures := flag.String("pictures", "", "a folder for an HTML page of each cart that is not linearizable")
	flag.Parse()
	histories, err := read(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(3)
	}
	ids := make([]string, 0, len(histories))
	for id := range histories {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	n := counts{}
	for _, id := range ids {
		n.judge(id, histories[id], time.Duration(*seconds)*time.Second, *pictures)
	}
	text, _ := json.Marshal(n)
	fmt.Println(string(text))
	switch {
	case n.Wrong > 0:
		os.Exit(1)
	case n.Undecided > 0:
		os.Exit(2)
	}
}
