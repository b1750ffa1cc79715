package environment

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// overlay lays folders over each other in dir: of files with one name the last wins.
// Files are linked where that works, else copied.
func overlay(dir string, layers []string) error {
	for _, layer := range layers {
		if err := overlayOne(dir, layer); err != nil {
			return fmt.Errorf("layer %s: %w", filepath.Base(layer), err)
		}
	}
	return nil
}

func overlayOne(dir, layer string) error {
	return filepath.WalkDir(layer, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(layer, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dir, name)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if err := os.RemoveAll(target); err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(to, target)
		}
		if os.Link(path, target) == nil {
			return nil
		}
		return copyFile(target, path)
	})
}

func copyFile(target, path string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := os.OpenFile(target, os.O_CREATE|os.O_WRONLY|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(to, from); err != nil {
		to.Close()
		return err
	}
	return to.Close()
}
