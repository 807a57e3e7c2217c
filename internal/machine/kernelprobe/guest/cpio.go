package guest

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// archive writes a file system for the kernel to unpack at boot, in the format
// "newc". Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
type archive struct {
	w    io.Writer
	size int64
	next int // inode number
}

// The types of files in a mode. Source: inode(7).
const (
	modeDir     = 0o040000
	modeFile    = 0o100000
	modeSymlink = 0o120000
	modeDevice  = 0o020000
)

// add writes one entry. A device has no content but a major and minor number.
func (a *archive) add(name string, mode, major, minor int, content []byte) error {
	a.next++
	name = strings.TrimPrefix(name, "/")
	header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		a.next, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name)+1, 0)
	if err := a.write([]byte(header + name + "\x00")); err != nil {
		return err
	}
	return a.write(content)
}

// write writes and pads to four bytes.
func (a *archive) write(content []byte) error {
	padding := make([]byte, (4-(a.size+int64(len(content)))%4)%4)
	n, err := a.w.Write(append(append([]byte{}, content...), padding...))
	a.size += int64(n)
	return err
}

// close writes the last entry.
func (a *archive) close() error { return a.add("TRAILER!!!", 0, 0, 0, nil) }

// addTree writes all of a directory for which wanted holds; a path for wanted
// begins with a slash, and a directory's ends with one.
func (a *archive) addTree(root string, wanted func(path string) bool) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(path, root)
		if err != nil || name == "" {
			return err
		}
		switch {
		case entry.IsDir() && !wanted(name+"/"):
			return filepath.SkipDir
		case entry.IsDir():
			return a.add(name, modeDir|0o755, 0, 0, nil)
		case !wanted(name):
			return nil
		case entry.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return a.add(name, modeSymlink|0o777, 0, 0, []byte(target))
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return a.add(name, modeFile|0o755, 0, 0, content)
	})
}
