package sfu

import "time"

// packet is an RTP packet reduced to what is passed on.
type packet struct {
	ext       int64 // number without wrap-around
	timestamp uint32
	marker    bool
	key       bool  // a key frame begins here
	level     int16 // audio level as in RFC 6464, or noLevel
	keptAt    int64 // Unix nanoseconds when it was put into a cache
	picture   picture
	payload   []byte
}

const noLevel = -1

// cache keeps the newest packets of a track, for repeats and for those who come in the middle of a picture: those of gopAge, and no
// more than size. It begins empty and doubles until it holds them. Its memory is used again and again; after that it allocates nothing.
type cache struct {
	size   int      // packets at most
	slots  []packet // a packet lies at ext modulo length
	newest int64
	key    int64 // where the newest key frame begins, 0: nowhere
	keyAt  time.Time
}

// newCache makes a cache of size packets at most, a power of two.
func newCache(size int) *cache { return &cache{size: size} }

func (c *cache) slot(ext int64) *packet { return &c.slots[ext%int64(len(c.slots))] }

// put copies pk in and returns the copy, which is good until the cache has gone round.
func (c *cache) put(pk packet, now time.Time) *packet {
	pk.keptAt = now.UnixNano()
	for c.narrow(&pk) {
		c.grow()
	}
	s := c.slot(pk.ext)
	pk.payload = append(s.payload[:0], pk.payload...)
	*s = pk
	c.newest = max(c.newest, pk.ext)
	if pk.key && pk.ext > c.key {
		c.key, c.keyAt = pk.ext, now
	}
	return s
}

// narrow says whether pk would take the place of a packet that is still of use: a newer one, or one of late.
func (c *cache) narrow(pk *packet) bool {
	n := len(c.slots)
	switch {
	case n == c.size:
		return false
	case n == 0 || c.newest-pk.ext >= int64(n):
		return true
	}
	s := c.slot(pk.ext)
	return s.ext != 0 && s.ext != pk.ext && pk.keptAt-s.keptAt <= int64(gopAge)
}

// grow doubles the cache. What lay apart before lies apart after.
func (c *cache) grow() {
	before := c.slots
	c.slots = make([]packet, min(max(firstCache, 2*len(before)), c.size))
	for _, pk := range before {
		if pk.ext != 0 {
			*c.slot(pk.ext) = pk
		}
	}
}

// get returns the packet or nil.
func (c *cache) get(ext int64) *packet {
	if ext <= 0 || len(c.slots) == 0 {
		return nil
	}
	if s := c.slot(ext); s.ext == ext {
		return s
	}
	return nil
}

// picture returns the packets from the newest key frame on, if they are few and new enough to be worth sending to a joiner.
func (c *cache) picture(now time.Time) (from, to int64, ok bool) {
	ok = c.get(c.key) != nil && c.newest-c.key < gopPackets && now.Sub(c.keyAt) <= gopAge
	return c.key, c.newest, ok
}

// forgetBefore makes a picture begin with the frame of a timestamp at the earliest. It reports whether it cannot begin with that.
func (c *cache) forgetBefore(timestamp uint32) bool {
	if pk := c.get(c.key); pk != nil && pk.timestamp == timestamp {
		return false
	}
	c.key = 0
	return true
}

func (c *cache) clear() {
	for i := range c.slots {
		c.slots[i].ext = 0
	}
	c.newest, c.key = 0, 0
}
