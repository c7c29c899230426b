package feed

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync"
)

// deflater compresses pieces; it keeps its writers, which are large.
type deflater struct{ pool sync.Pool }

// segment returns b as whole blocks of a deflate stream that refer to nothing
// before them and end on a byte (RFC 1951 §3.2.3), so that segments can be put
// one after the other.
func (d *deflater) segment(b []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(b)/4 + 64)
	w, ok := d.pool.Get().(*flate.Writer)
	if ok {
		w.Reset(&out)
	} else {
		w = newFlateWriter(&out)
	}
	defer d.pool.Put(w)
	// A bytes.Buffer refuses nothing, so neither call can fail.
	w.Write(b)
	w.Flush()
	return bytes.Clone(out.Bytes())
}

func newFlateWriter(out io.Writer) *flate.Writer {
	w, err := flate.NewWriter(out, flate.DefaultCompression)
	if err != nil {
		panic(err) // the level is a constant that flate knows
	}
	return w
}

// stored returns b as deflate blocks without compression (RFC 1951 §3.2.4):
// the few bytes of a head are not worth a compressor.
func stored(out, b []byte) []byte {
	const most = 1<<16 - 1
	for len(b) > 0 {
		n := min(len(b), most)
		out = append(out, 0)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, b[:n]...)
		b = b[n:]
	}
	return out
}

// gzipped returns d, which is fr around pieces, as one gzip member (RFC
// 1952): several readers stop after the first.
func gzipped(fr frame, pieces []*piece, d *Document) []byte {
	const (
		header    = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" // deflate; no name, time or system
		lastBlock = "\x01\x00\x00\xff\xff"                     // stored, empty
	)
	segments := make([][]byte, len(pieces))
	n := len(fr.head) + len(fr.tail) + 64
	for i, p := range pieces {
		segments[i] = p.deflated()
		n += len(segments[i]) + len(fr.separator) + 5
	}
	out := append(make([]byte, 0, n), header...)
	out = stored(out, fr.head)
	for i, segment := range segments {
		if i > 0 {
			out = stored(out, fr.separator)
		}
		out = append(out, segment...)
	}
	out = append(stored(out, fr.tail), lastBlock...)
	sum := crc32.NewIEEE()
	_, _ = d.WriteTo(sum) // a hash takes everything
	out = binary.LittleEndian.AppendUint32(out, sum.Sum32())
	return binary.LittleEndian.AppendUint32(out, uint32(d.size))
}
