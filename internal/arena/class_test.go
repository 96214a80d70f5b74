package arena

import "testing"

func TestClasses(t *testing.T) {
	for class := range uint32(100) {
		size := classBytes(class)
		if got, ok := classOf(size); got != class || !ok {
			t.Errorf("classOf(%d) = %d, %v; want %d", size, got, ok, class)
		}
		if got, _ := classOf(size + 1); got != class+1 {
			t.Errorf("classOf(%d) = %d; want %d", size+1, got, class+1)
		}
		if next := classBytes(class + 1); next <= size || size >= 256 && next > size+size/4 {
			t.Errorf("class %d has %d bytes, the next %d", class, size, next)
		}
	}
	if _, ok := classOf(1 << 62); ok {
		t.Error("a block of 2^62 bytes has a class")
	}
}
