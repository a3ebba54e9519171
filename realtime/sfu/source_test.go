package sfu

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"
)

// writers are what could take payload somewhere else: packages that open files, processes, sockets or databases, or encode media.
var writers = []string{
	"os", "log", "io/ioutil", "os/exec", "syscall", "bufio", "database/sql", "net/http", "archive/", "compress/", "encoding/gob",
	"golang.org/x/sys", "github.com/jackc/", "github.com/pion/webrtc/v4/pkg/media", "github.com/pion/interceptor/pkg/packetdump",
}

// TestNoCodePathRecords reads the source of the package: nothing that could record is imported, payload is read by the functions
// listed only, and it leaves through one function, encrypted.
func TestNoCodePathRecords(t *testing.T) {
	t.Parallel()
	readers := map[string]bool{ // functions that touch packet.payload
		"cache.put": true, "layer.inspect": true, "munger.describe": true, "down.write": true, "down.writeRepeat": true,
	}
	exits := map[string]int{}
	forEachFunction(t, func(file *ast.File, name string, fn *ast.FuncDecl) {
		ast.Inspect(fn, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch sel.Sel.Name {
			case "payload":
				if !readers[name] {
					t.Errorf("%s touches payload", name)
				}
			case "WriteRTP", "Write", "WriteTo", "WriteString", "WriteByte", "WriteToUDP",
				"WriteToUDPAddrPort", "EncryptRTP", "space", "WriteMsgUDP", "WriteMsgUDPAddrPort", "Syscall6", "Create", "OpenFile", "Copy", "Fprint", "Encode":
				if x, ok := sel.X.(*ast.Ident); !ok || x.Name != "kept" {
					exits[name+" "+sel.Sel.Name]++
				}
			}
			return true
		})
	})
	want := map[string]int{
		// Encrypted by pion, or by the lane, which is the only one to put something into a batch.
		"down.emit WriteRTP": 1, "lane.send EncryptRTP": 1, "lane.send space": 1,
		"arrivals.report Write":                         1, // what build made of numbers and times; it never sees a payload
		"answering.ReadFromAddrPort WriteToUDPAddrPort": 1, // replies to STUN requests
		// A relayed packet, encrypted as the client sent it, to our own media port; questions to that port; a hash.
		"relayed.WriteTo WriteToUDPAddrPort": 1,
		"ask WriteTo":                        1, "ProbeTCP Write": 1, "Relay.sign Write": 1,
		// The forwarding socket: what SRTP has encrypted, one by one or in bulk.
		"mediaSocket.WriteToAddrPort WriteToUDPAddrPort": 1, "batch.add WriteToUDPAddrPort": 1, "bulkSender.send Write": 1,
		"load.sendSome Syscall6": 1, "burst.receive Syscall6": 1, // the latter reads
	}
	for exit, n := range exits {
		if want[exit] != n {
			t.Errorf("%d times %s: a way out that is not known", n, exit)
		}
	}
	if exits["down.emit WriteRTP"] != 1 || exits["lane.send EncryptRTP"] != 1 {
		t.Error("the way out was not found: this test has gone blind")
	}
}

func TestNothingThatRecordsIsImported(t *testing.T) {
	t.Parallel()
	bulk := map[string]bool{"syscall": true, "golang.org/x/sys/unix": true} // sends and reads many packets at once; see the next test
	seen := 0
	forEachFile(t, func(name string, file *ast.File) {
		seen++
		for _, i := range file.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			for _, w := range writers {
				if strings.HasSuffix(name, "_linux.go") && bulk[path] {
					continue
				}
				if path == w || strings.Contains(w, "/") && strings.HasPrefix(path, w) {
					t.Errorf("%s imports %s", name, path)
				}
			}
		}
	})
	if seen < 10 {
		t.Errorf("only %d files read", seen)
	}
}

// TestTheKernelIsAskedForNothingButPackets reads what is taken from the packages of system calls.
func TestTheKernelIsAskedForNothingButPackets(t *testing.T) {
	t.Parallel()
	calls := map[string]bool{
		"RawConn": true, "Getsockname": true, "GetsockoptInt": true, "Syscall6": true, "SYS_SENDMMSG": true, "SYS_RECVMMSG": true, "Errno": true,
	}
	found := 0
	forEachFile(t, func(name string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || x.Name != "unix" && x.Name != "syscall" {
				return true
			}
			found++
			value := strings.ToUpper(sel.Sel.Name) == sel.Sel.Name && !strings.HasPrefix(sel.Sel.Name, "SYS_")
			kind := strings.HasPrefix(sel.Sel.Name, "Raw") && strings.Contains(sel.Sel.Name, "Sockaddr") ||
				strings.HasPrefix(sel.Sel.Name, "Sizeof") || strings.HasPrefix(sel.Sel.Name, "Cmsg") ||
				strings.HasPrefix(sel.Sel.Name, "Sockaddr") || sel.Sel.Name == "Msghdr" || sel.Sel.Name == "Iovec"
			if !value && !kind && !calls[sel.Sel.Name] {
				t.Errorf("%s uses %s.%s", name, x.Name, sel.Sel.Name)
			}
			return true
		})
	})
	if found < 10 {
		t.Errorf("only %d uses found: this test has gone blind", found)
	}
}

func forEachFile(t *testing.T, do func(string, *ast.File)) {
	t.Helper()
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		do(name, file)
	}
}

// forEachFunction names methods "type.method".
func forEachFunction(t *testing.T, do func(*ast.File, string, *ast.FuncDecl)) {
	t.Helper()
	forEachFile(t, func(_ string, file *ast.File) {
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := fn.Name.Name
			if fn.Recv != nil {
				of := fn.Recv.List[0].Type
				if star, ok := of.(*ast.StarExpr); ok {
					of = star.X
				}
				if id, ok := of.(*ast.Ident); ok {
					name = id.Name + "." + name
				}
			}
			do(file, name, fn)
		}
	})
}
