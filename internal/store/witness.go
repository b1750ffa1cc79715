package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

// witnessFile holds the last write that was acknowledged. JetStream repairs
// damaged files by forgetting what it can't read; the witness tells on it.
const witnessFile = "acknowledged"

// witness remembers the last acknowledged write and how many records there were
// after it, on disk. A nil witness remembers nothing.
type witness struct {
	file *os.File

	// slot is the copy to write next.
	slot    int
	seen    uint64
	records int
}

// witnessSize is a copy's size: write, records, checksum.
const witnessSize = 20

// openWitness reads the file. Two copies are written in turn, so that one that a
// crash has torn is one write old at worst.
func openWitness(dir string) (*witness, error) {
	file, err := os.OpenFile(filepath.Join(dir, witnessFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	w := &witness{file: file}
	var buf [2 * witnessSize]byte
	n, _ := file.ReadAt(buf[:], 0)
	good := n == 0
	for slot := range 2 {
		copy := buf[slot*witnessSize:][:witnessSize]
		seen := binary.BigEndian.Uint64(copy)
		if n > 0 && crc32.ChecksumIEEE(copy[:16]) == binary.BigEndian.Uint32(copy[16:]) && (!good || seen >= w.seen) {
			w.seen, w.records, w.slot = seen, int(binary.BigEndian.Uint64(copy[8:])), 1-slot
			good = true
		}
	}
	if !good {
		file.Close()
		return nil, &DamageError{dir, "the file " + witnessFile + " is not readable"}
	}
	return w, nil
}

// contradicts explains what is missing in a registry that ends at write last and
// holds that many records; "" if nothing is.
func (w *witness) contradicts(last uint64, records int) string {
	if w == nil {
		return ""
	}
	if last < w.seen {
		return fmt.Sprintf("the registry ends at write %d, and write %d was acknowledged", last, w.seen)
	}
	// Writes that nobody was told of may have changed the number.
	if slack := last - w.seen; uint64(max(records-w.records, w.records-records)) > slack {
		return fmt.Sprintf("the registry holds %d records, and should hold %d", records, w.records)
	}
	return ""
}

// saw notes an acknowledged write, and how many records there are after it.
func (w *witness) saw(revision uint64, records int) error {
	if w == nil {
		return nil
	}
	w.seen, w.records = max(w.seen, revision), records
	var buf [witnessSize]byte
	binary.BigEndian.PutUint64(buf[:], w.seen)
	binary.BigEndian.PutUint64(buf[8:], uint64(records))
	binary.BigEndian.PutUint32(buf[16:], crc32.ChecksumIEEE(buf[:16]))
	_, err := w.file.WriteAt(buf[:], int64(w.slot*witnessSize))
	if err = errors.Join(err, w.file.Sync()); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	w.slot = 1 - w.slot
	return nil
}

func (w *witness) close() {
	if w != nil {
		w.file.Close()
	}
}
