"""Every replacement policy of docs/policies.md a second time, slow and plain.

Written from docs/policies.md alone, without sight of the C engine, so that the two
can be compared victim by victim. Lists, dicts and linear searches only: what counts
here is that a reader can hold each class against its definition.

    simulate("lfu:keep=1:tie=lru", 3, [(1, "r"), (2, "w"), ...]) -> Result
"""

from bisect import bisect_right
from dataclasses import dataclass, field

MASK64 = 2**64 - 1


@dataclass
class Result:
    """What a simulation counts. `victims` has one list a reference, pages ascending."""

    policy: str
    frames: int | None
    faults: int = 0
    cold: int = 0
    evictions: int = 0
    write_backs: int = 0
    still_dirty: int = 0
    victims: list = field(default_factory=list)
    bit_sets: int = 0
    bit_clears: int = 0
    resident_mean: float | None = None
    resident_peak: int | None = None
    steps: list | None = None

    def flat(self):
        """All victims in order."""
        return [page for pages in self.victims for page in pages]


class SplitMix64:
    """SplitMix64 (Steele, Lea, Flood 2014) with Lemire's multiply-and-shift reduction."""

    def __init__(self, seed):
        self.state = seed & MASK64

    def below(self, n):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK64
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        z ^= z >> 31
        return (z * n) >> 64


def share(percent, frames):
    """A percentage of the frames: rounded down, at least 1."""
    return max(1, percent * frames // 100)


class Memory:
    """F frames with their pages and the bits that hardware keeps."""

    def __init__(self, frames):
        self.frames = frames
        self.slots = [None] * frames
        self.r = [0] * frames
        self.m = [0] * frames
        self.write_backs = 0
        self.bit_sets = 0
        self.bit_clears = 0

    def frame_of(self, page):
        return self.slots.index(page)

    def referenced(self, page):
        return self.r[self.slots.index(page)]

    def set_r(self, frame, value):
        """Change R and count the changes of its state."""
        if value and not self.r[frame]:
            self.bit_sets += 1
        if self.r[frame] and not value:
            self.bit_clears += 1
        self.r[frame] = value

    def set_page_r(self, page, value):
        self.set_r(self.slots.index(page), value)

    def clean(self, frame):
        """Write the page back and keep it."""
        self.m[frame] = 0
        self.write_backs += 1


class Policy:
    """What the host asks of a policy. Order at a fault: remembers, victim (if full), load."""

    options = {}
    load_bit = 1
    hand = None  # frame number, for the policies whose hand stands on a frame

    def __init__(self, memory, refs, **options):
        self.memory = memory
        self.refs = refs
        self.o = options
        if "load-bit" in options:
            self.load_bit = options["load-bit"]
        self.start()

    def start(self):
        pass

    def hit(self, page, now):
        pass

    def remembers(self, page):
        """Is the name of this absent page kept? Asked before a victim is chosen."""
        return None

    def victim(self, page, now):
        """The page that leaves so that `page` may come."""
        raise NotImplementedError

    def load(self, page, now, remembered):
        """`page` is in its frame now."""

    def tick(self):
        pass


class Opt(Policy):
    """MIN: Belady 1966; OPT: Mattson, Gecsei, Slutz, Traiger 1970."""

    def start(self):
        self.times = {}
        for now, (page, _) in enumerate(self.refs, 1):
            self.times.setdefault(page, []).append(now)

    def next_use(self, page, now):
        times = self.times[page]
        later = bisect_right(times, now)
        return times[later] if later < len(times) else float("inf")

    def victim(self, page, now):
        uses = [self.next_use(resident, now) for resident in self.memory.slots]
        return self.memory.slots[uses.index(max(uses))]


class Random(Policy):
    """Random replacement (Belady 1966): one uniform draw a victim."""

    options = {"seed": 1}

    def start(self):
        self.random = SplitMix64(self.o["seed"])

    def victim(self, page, now):
        return self.memory.slots[self.random.below(self.memory.frames)]


class Fifo(Policy):
    """FIFO (PEPS in the Spanish textbooks; Belady 1966)."""

    def start(self):
        self.queue = []

    def victim(self, page, now):
        return self.queue.pop(0)

    def load(self, page, now, remembered):
        self.queue.append(page)


class Lru(Policy):
    """Least recently used (Denning 1968; Mattson et al. 1970)."""

    def start(self):
        self.last = {}

    def hit(self, page, now):
        self.last[page] = now

    def load(self, page, now, remembered):
        self.last[page] = now

    def victim(self, page, now):
        return min(self.memory.slots, key=self.last.get)


class Mru(Lru):
    """Most recently used (Chou, DeWitt 1985)."""

    def victim(self, page, now):
        return max(self.memory.slots, key=self.last.get)


class Lfu(Policy):
    """Least frequently used; counts may be kept over an eviction, ties by load or by use."""

    options = {"keep": 0, "tie": "fifo"}

    def start(self):
        self.count = {}
        self.loaded = {}
        self.last = {}

    def hit(self, page, now):
        self.count[page] += 1
        self.last[page] = now

    def load(self, page, now, remembered):
        old = self.count.get(page, 0) if self.o["keep"] else 0
        self.count[page] = old + 1
        self.loaded[page] = now
        self.last[page] = now

    def victim(self, page, now):
        age = self.last if self.o["tie"] == "lru" else self.loaded
        return min(self.memory.slots, key=lambda p: (self.count[p], age[p]))


class Nru(Policy):
    """NUR, not used recently (Deitel 1990): four classes by (R, M)."""

    options = {"period": 1000, "seed": 1}

    def start(self):
        self.random = SplitMix64(self.o["seed"])

    def victim(self, page, now):
        memory = self.memory
        for r, m in ((0, 0), (0, 1), (1, 0), (1, 1)):
            group = [f for f in range(memory.frames) if (memory.r[f], memory.m[f]) == (r, m)]
            if group:
                return memory.slots[group[self.random.below(len(group))]]

    def tick(self):
        for frame in range(self.memory.frames):
            self.memory.set_r(frame, 0)


class SecondChance(Policy):
    """Second chance as a linear list (Deitel 1990; Tanenbaum)."""

    options = {"load-bit": 1}

    def start(self):
        self.queue = []

    def victim(self, page, now):
        while True:
            oldest = self.queue.pop(0)
            if not self.memory.referenced(oldest):
                return oldest
            self.memory.set_page_r(oldest, 0)
            self.queue.append(oldest)

    def load(self, page, now, remembered):
        self.queue.append(page)


class Clock(Policy):
    """Clock (Corbató 1968)."""

    options = {"load-bit": 1}
    hand = 0

    def step(self):
        self.hand = (self.hand + 1) % self.memory.frames

    def load(self, page, now, remembered):
        """One past the page that came, free frame or not (matrix, Q2: hand 1 2 2 0 1 ...)."""
        self.hand = (self.memory.frame_of(page) + 1) % self.memory.frames

    def victim(self, page, now):
        while self.memory.r[self.hand]:
            self.memory.set_r(self.hand, 0)
            self.step()
        leaver = self.memory.slots[self.hand]
        self.step()
        return leaver


class EnhancedClock(Clock):
    """Enhanced clock by (R, M) (Silberschatz, Galvin; Macintosh virtual memory)."""

    def turn(self, wanted_m, clear):
        """One turn over all frames; the frame of the victim, or None."""
        memory = self.memory
        for _ in range(memory.frames):
            frame = self.hand
            self.step()
            if memory.r[frame] == 0 and memory.m[frame] == wanted_m:
                return frame
            if clear:
                memory.set_r(frame, 0)
        return None

    def victim(self, page, now):
        for wanted_m, clear in ((0, False), (1, True), (0, False), (1, True)):
            frame = self.turn(wanted_m, clear)
            if frame is not None:
                return self.memory.slots[frame]


class Aging(Policy):
    """Aging (Tanenbaum): R is shifted into a small counter at each tick."""

    options = {"period": 1000, "bits": 8, "fresh": 1}

    def start(self):
        self.counter = [0] * self.memory.frames

    def load(self, page, now, remembered):
        self.counter[self.memory.frame_of(page)] = 0

    def tick(self):
        for frame in range(self.memory.frames):
            top = self.memory.r[frame] << (self.o["bits"] - 1)
            self.counter[frame] = (self.counter[frame] >> 1) | top
            self.memory.set_r(frame, 0)

    def victim(self, page, now):
        values = list(self.counter)
        if self.o["fresh"]:
            values = [(r << self.o["bits"]) + v for r, v in zip(self.memory.r, values)]
        return self.memory.slots[values.index(min(values))]


class Wsclock(Policy):
    """WSClock (Carr, Hennessy 1981)."""

    options = {"tau": 10000}
    hand = 0

    def start(self):
        self.used = [0] * self.memory.frames

    def load(self, page, now, remembered):
        self.used[self.memory.frame_of(page)] = now

    def victim(self, page, now):
        frame = self.search(now)
        self.hand = (frame + 1) % self.memory.frames
        return self.memory.slots[frame]

    def search(self, now):
        memory = self.memory
        for _ in range(2 * memory.frames):
            frame = self.hand
            if memory.r[frame]:
                memory.set_r(frame, 0)
                self.used[frame] = now
            elif now - self.used[frame] > self.o["tau"]:
                if not memory.m[frame]:
                    return frame
                memory.clean(frame)
            self.hand = (self.hand + 1) % memory.frames
        for step in range(memory.frames):
            frame = (self.hand + step) % memory.frames
            if not memory.m[frame]:
                return frame
        return self.hand


class TwoQ(Policy):
    """2Q, full version (Johnson, Shasha 1994). Oldest first in all three lists."""

    options = {"kin": 25, "kout": 50}

    def start(self):
        self.kin = share(self.o["kin"], self.memory.frames)
        self.kout = share(self.o["kout"], self.memory.frames)
        self.a1in, self.a1out, self.am = [], [], []

    def hit(self, page, now):
        if page in self.am:
            self.am.remove(page)
            self.am.append(page)

    def remembers(self, page):
        return page in self.a1out

    def victim(self, page, now):
        if len(self.a1in) > self.kin or not self.am:
            leaver = self.a1in.pop(0)
            self.a1out.append(leaver)
            if len(self.a1out) > self.kout:
                self.a1out.pop(0)
            return leaver
        return self.am.pop(0)

    def load(self, page, now, remembered):
        if page in self.a1out:
            self.a1out.remove(page)
        (self.am if remembered else self.a1in).append(page)


class Arc(Policy):
    """ARC (Megiddo, Modha 2003, figure 4). Least recent first in all four lists."""

    def start(self):
        self.c = self.memory.frames
        self.p = 0.0
        self.t1, self.t2, self.b1, self.b2 = [], [], [], []

    def hit(self, page, now):
        (self.t1 if page in self.t1 else self.t2).remove(page)
        self.t2.append(page)

    def remembers(self, page):
        return page in self.b1 or page in self.b2

    def replace(self, page):
        over = len(self.t1) > self.p or (page in self.b2 and len(self.t1) == self.p)
        if self.t1 and (over or not self.t2):
            leaver = self.t1.pop(0)
            self.b1.append(leaver)
        else:
            leaver = self.t2.pop(0)
            self.b2.append(leaver)
        return leaver

    def victim(self, page, now):
        if page in self.b1:
            self.p = min(float(self.c), self.p + max(1.0, len(self.b2) / len(self.b1)))
            return self.replace(page)
        if page in self.b2:
            self.p = max(0.0, self.p - max(1.0, len(self.b1) / len(self.b2)))
            return self.replace(page)
        if len(self.t1) + len(self.b1) == self.c:
            if len(self.t1) == self.c:
                return self.t1.pop(0)
            self.b1.pop(0)
        elif len(self.t1) + len(self.t2) + len(self.b1) + len(self.b2) == 2 * self.c:
            self.b2.pop(0)
        return self.replace(page)

    def load(self, page, now, remembered):
        for ghosts in (self.b1, self.b2):
            if page in ghosts:
                ghosts.remove(page)
        (self.t2 if remembered else self.t1).append(page)


class Lirs(Policy):
    """LIRS (Jiang, Zhang 2002). `stack` bottom first, `queue` head first."""

    options = {"hir": 1, "ghosts": 100}

    def start(self):
        frames = self.memory.frames
        self.llirs = frames - share(self.o["hir"], frames)
        self.limit = share(self.o["ghosts"], frames)
        self.stack = []
        self.queue = []
        self.lir = set()
        self.ghosts = []  # non-resident pages of the stack, evicted longest ago first

    def prune(self):
        while self.stack and self.stack[0] not in self.lir:
            page = self.stack.pop(0)
            if page in self.ghosts:
                self.ghosts.remove(page)

    def to_top(self, page):
        if page in self.stack:
            self.stack.remove(page)
        self.stack.append(page)

    def demote(self):
        while len(self.lir) > self.llirs:
            page = next(p for p in self.stack if p in self.lir)
            self.lir.remove(page)
            self.stack.remove(page)
            self.queue.append(page)
            self.prune()

    def hit(self, page, now):
        if page in self.lir:
            self.to_top(page)
        elif page in self.stack:
            self.lir.add(page)
            self.to_top(page)
            self.queue.remove(page)
            self.demote()
        else:
            self.stack.append(page)
            self.queue.remove(page)
            self.queue.append(page)
        self.prune()

    def remembers(self, page):
        return page in self.stack

    def victim(self, page, now):
        leaver = self.queue.pop(0)
        if leaver in self.stack:
            self.ghosts.append(leaver)
            if len(self.ghosts) > self.limit:
                self.stack.remove(self.ghosts.pop(0))
        return leaver

    def load(self, page, now, remembered):
        if page in self.ghosts:
            self.ghosts.remove(page)
        self.to_top(page)
        if len(self.lir) < self.llirs:
            self.lir.add(page)
        elif remembered and self.llirs > 0:
            self.lir.add(page)
            self.demote()
        else:
            self.queue.append(page)
        self.prune()


class ClockPro(Policy):
    """CLOCK-Pro (Jiang, Chen, Zhang 2005), as docs/policies.md fixes its details.

    `ring` is the circular list, read with wrap-around; a hand is the entry it stands on.
    `state` of an entry: hot, cold (resident) or gone (cold, non-resident).
    """

    load_bit = 0

    def start(self):
        self.m = self.memory.frames
        self.mc = 1
        self.ring = []
        self.state = {}
        self.test = set()
        self.at = {"hot": None, "cold": None, "test": None}

    # The list.

    def successor(self, page):
        return self.ring[(self.ring.index(page) + 1) % len(self.ring)]

    def advance(self, hand):
        self.at[hand] = self.successor(self.at[hand])

    def take_out(self, page):
        after = self.successor(page)
        for hand, entry in self.at.items():
            if entry == page:
                self.at[hand] = after
        self.ring.remove(page)

    def enter(self, page):
        """At the list head: just before the entry of HAND_hot."""
        if self.ring:
            self.ring.insert(self.ring.index(self.at["hot"]), page)
        else:
            self.ring.append(page)
            self.at = dict.fromkeys(self.at, page)

    def move_to_head(self, page):
        self.take_out(page)
        self.enter(page)

    def forget(self, page):
        self.take_out(page)
        self.test.discard(page)
        del self.state[page]

    def count(self, state):
        return sum(1 for page in self.ring if self.state[page] == state)

    # The rules.

    def grow(self):
        self.mc = min(self.mc + 1, max(1, self.m - 1))

    def shrink(self):
        self.mc = max(self.mc - 1, 1)

    def make_hot(self, page):
        """With one frame no page is hot: cold, in test."""
        self.state[page] = "hot" if self.m > 1 else "cold"
        if self.m > 1:
            self.test.discard(page)
        else:
            self.test.add(page)

    def end_test(self, page):
        """The test of this page ends unused. True if its entry is removed."""
        self.shrink()
        self.test.discard(page)
        if self.state[page] == "gone":
            self.forget(page)
            return True
        return False

    def balance(self, wanted):
        while self.count("hot") > self.m - self.mc:
            self.run_hot(wanted)

    def run_hot(self, wanted):
        while True:
            page = self.at["hot"]
            if self.state[page] == "hot":
                if not self.memory.referenced(page):
                    self.state[page] = "cold"
                    self.advance("hot")
                    return
                self.memory.set_page_r(page, 0)
                self.advance("hot")
            elif page in self.test and page != wanted:
                if not self.end_test(page):
                    self.advance("hot")
            else:
                self.advance("hot")

    def run_test(self, wanted):
        while self.count("gone") > self.m:
            while self.at["test"] not in self.test or self.at["test"] == wanted:
                self.advance("test")
            if not self.end_test(self.at["test"]):
                self.advance("test")

    def remembers(self, page):
        return page in self.state

    def victim(self, wanted, now):
        if self.count("cold") == 0:
            self.run_hot(wanted)
        while True:
            page = self.at["cold"]
            if self.state[page] != "cold":
                self.advance("cold")
            elif self.memory.referenced(page):
                self.second_look(page, wanted)
            else:
                self.leave(page, wanted)
                return page

    def second_look(self, page, wanted):
        """HAND_cold at a resident cold page that was referenced."""
        self.memory.set_page_r(page, 0)
        if page in self.test:
            self.grow()
            self.make_hot(page)
            self.move_to_head(page)
            self.balance(wanted)
        else:
            self.test.add(page)
            self.move_to_head(page)

    def leave(self, page, wanted):
        if page in self.test:
            self.state[page] = "gone"
            self.advance("cold")
            self.run_test(wanted)
        else:
            self.forget(page)

    def load(self, page, now, remembered):
        if remembered:
            self.grow()
            self.make_hot(page)
            self.move_to_head(page)
            self.balance(None)
        else:
            self.state[page] = "cold"
            self.test.add(page)
            self.enter(page)


class Sieve(Policy):
    """SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi 2024). `queue` tail (oldest) first."""

    load_bit = 0

    def start(self):
        self.queue = []
        self.at = None

    def load(self, page, now, remembered):
        self.queue.append(page)

    def towards_head(self, page):
        place = self.queue.index(page) + 1
        return self.queue[place] if place < len(self.queue) else None

    def victim(self, page, now):
        while True:
            entry = self.queue[0] if self.at is None else self.at
            self.at = self.towards_head(entry)
            if not self.memory.referenced(entry):
                self.queue.remove(entry)
                return entry
            self.memory.set_page_r(entry, 0)


class S3Fifo(Policy):
    """S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi 2023). Tail (oldest) first in all queues."""

    options = {"small": 10, "move": 2}

    def start(self):
        frames = self.memory.frames
        self.target = share(self.o["small"], frames)
        self.room = frames - self.target
        self.small, self.main, self.ghosts = [], [], []
        self.freq = {}

    def hit(self, page, now):
        self.freq[page] = min(self.freq[page] + 1, 3)

    def remembers(self, page):
        return page in self.ghosts

    def victim(self, page, now):
        if len(self.small) >= self.target or not self.main:
            return self.from_small()
        return self.from_main()

    def from_small(self):
        while self.small:
            tail = self.small.pop(0)
            if self.freq[tail] < self.o["move"]:
                self.ghosts.append(tail)
                if len(self.ghosts) > max(1, self.room):
                    self.ghosts.pop(0)
                return tail
            self.freq[tail] = 0
            self.main.append(tail)
            if len(self.main) > self.room:
                return self.from_main()
        return self.from_main()

    def from_main(self):
        while True:
            tail = self.main.pop(0)
            if self.freq[tail] == 0:
                return tail
            self.freq[tail] -= 1
            self.main.append(tail)

    def load(self, page, now, remembered):
        if page in self.ghosts:
            self.ghosts.remove(page)
        (self.main if remembered else self.small).append(page)
        self.freq[page] = 0


FIXED = {
    "opt": Opt,
    "random": Random,
    "fifo": Fifo,
    "lru": Lru,
    "mru": Mru,
    "lfu": Lfu,
    "nru": Nru,
    "second-chance": SecondChance,
    "clock": Clock,
    "enhanced-clock": EnhancedClock,
    "aging": Aging,
    "wsclock": Wsclock,
    "2q": TwoQ,
    "arc": Arc,
    "lirs": Lirs,
    "clock-pro": ClockPro,
    "sieve": Sieve,
    "s3-fifo": S3Fifo,
}

VARIABLE = {
    "ws": {"window": 1000},
    "pff": {"threshold": 1000, "reset": "fault"},
}

NAMES = list(FIXED) + list(VARIABLE)


def parse_spec(spec):
    """`name:option=value:...` -> name and a dict of all its options."""
    name, *settings = spec.split(":")
    options = dict(FIXED[name].options if name in FIXED else VARIABLE[name])
    for setting in settings:
        key, value = setting.split("=")
        if key not in options:
            raise ValueError(f"{name} has no option {key}")
        options[key] = value if isinstance(options[key], str) else int(value)
    return name, options


def simulate(spec, frames, refs, steps=False):
    """Run one policy over the references (page, kind)."""
    name, options = parse_spec(spec)
    if name == "ws":
        return simulate_ws(spec, options, refs, steps)
    if name == "pff":
        return simulate_pff(spec, options, refs, steps)
    return simulate_fixed(spec, FIXED[name], options, frames, refs, steps)


def simulate_fixed(spec, policy_class, options, frames, refs, steps):
    memory = Memory(frames)
    policy = policy_class(memory, refs, **options)
    period = options.get("period", 0)
    result = Result(spec, frames, steps=[] if steps else None)
    seen = set()
    for now, (page, kind) in enumerate(refs, 1):
        leaver, wrote = None, memory.write_backs
        fault = page not in memory.slots
        if fault:
            result.faults += 1
            result.cold += page not in seen
            seen.add(page)
            leaver = fault_on(policy, memory, page, now)
        else:
            memory.set_page_r(page, 1)
            policy.hit(page, now)
        frame = memory.frame_of(page)
        if kind == "w":
            memory.m[frame] = 1
        result.victims.append([] if leaver is None else [leaver])
        if period and now % period == 0:
            policy.tick()
        if steps:
            result.steps.append(
                {
                    "reference": now,
                    "page": page,
                    "kind": kind.upper(),
                    "fault": fault,
                    "victim": leaver,
                    "write_back": memory.write_backs > wrote,
                    "frame": frame,
                    "slots": list(memory.slots),
                    "referenced": list(memory.r),
                    "modified": list(memory.m),
                    "hand": policy.hand,
                }
            )
    result.evictions = len(result.flat())
    result.write_backs = memory.write_backs
    result.still_dirty = sum(memory.m)
    result.bit_sets, result.bit_clears = memory.bit_sets, memory.bit_clears
    return result


def fault_on(policy, memory, page, now):
    """Bring `page` in; the page that left, or None."""
    leaver = None
    remembered = policy.remembers(page)
    if None in memory.slots:
        frame = memory.slots.index(None)
    else:
        leaver = policy.victim(page, now)
        frame = memory.frame_of(leaver)
        memory.write_backs += memory.m[frame]
    memory.slots[frame] = page
    memory.m[frame] = 0
    memory.set_r(frame, policy.load_bit)
    policy.load(page, now, remembered)
    return leaver


class Tally:
    """The counting that ws and pff share: which pages are resident, and which of them dirty."""

    def __init__(self, spec, steps):
        self.result = Result(spec, None, steps=[] if steps else None)
        self.resident = set()
        self.dirty = set()
        self.seen = set()
        self.sizes = []

    def reference(self, now, page, kind, fault, after):
        """After this reference exactly the pages `after` are resident."""
        result = self.result
        released = sorted(self.resident - after)
        wrote = [p for p in released if p in self.dirty]
        result.faults += fault
        result.cold += page not in self.seen
        result.evictions += len(released)
        result.write_backs += len(wrote)
        result.victims.append(released)
        self.seen.add(page)
        self.resident = set(after)
        self.dirty.difference_update(released)
        if kind == "w":
            self.dirty.add(page)
        self.sizes.append(len(after))
        if result.steps is not None:
            result.steps.append(
                {
                    "reference": now,
                    "page": page,
                    "kind": kind.upper(),
                    "fault": fault,
                    "released": released,
                    "slots": sorted(after),
                }
            )

    def done(self):
        self.result.still_dirty = len(self.dirty)
        if self.sizes:
            self.result.resident_mean = sum(self.sizes) / len(self.sizes)
            self.result.resident_peak = max(self.sizes)
        return self.result


def simulate_ws(spec, options, refs, steps):
    """Working set (Denning 1968): after reference t, W(t, window) is resident."""
    tally = Tally(spec, steps)
    window = options["window"]
    pages = [page for page, _ in refs]
    for now, (page, kind) in enumerate(refs, 1):
        before = set(pages[max(0, now - 1 - window) : now - 1])
        after = set(pages[max(0, now - window) : now])
        tally.reference(now, page, kind, page not in before, after)
    return tally.done()


def simulate_pff(spec, options, refs, steps):
    """Page fault frequency (Chu, Opderbeck 1976)."""
    tally = Tally(spec, steps)
    referenced = {}  # resident page -> R
    last_fault = 0
    for now, (page, kind) in enumerate(refs, 1):
        fault = page not in referenced
        if fault:
            shrink = now - last_fault >= options["threshold"]
            if shrink:
                referenced = {p: r for p, r in referenced.items() if r}
            if shrink or options["reset"] == "fault":
                referenced = dict.fromkeys(referenced, 0)
            last_fault = now
        referenced[page] = 1
        tally.reference(now, page, kind, fault, set(referenced))
    return tally.done()
