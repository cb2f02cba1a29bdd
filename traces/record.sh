#!/bin/sh
# record.sh - how the traces of this folder were made: real programs under Valgrind's lackey, one
# at a grain of 512 bytes, the others at 4096. Needs valgrind, sqlite3, gcc, python3, redis, sort.
#
#   traces/record.sh [NAME…]      all of them, or some; from the project's root, after `make`
#
# lackey writes a line a reference to descriptor 9; addresses are not randomised (setarch -R), so
# that a second recording on the same system is the same but for what the kernel decides.
set -eu
kilburn=${KILBURN:-build/kilburn}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# record NAME GRAIN TITLE COMMAND…; SKIP and LIMIT cut a part out of a long run
record() {
    name=$1 grain=$2 title=$3
    shift 3
    echo "recording $name" >&2
    # shellcheck disable=SC2094
    setarch -R valgrind --tool=lackey --trace-mem=yes --log-fd=9 "$@" \
        9>&1 >"$work/$name.out" 2>"$work/$name.err" </dev/null |
        "$kilburn" trace convert - --format lackey --page-size "$grain" --level 3 \
            --program "$title" -o "$work/$name.kbt"
    "$kilburn" trace convert "$work/$name.kbt" --page-size "$grain" --level 19 \
        ${SKIP:+--skip "$SKIP"} ${LIMIT:+--limit "$LIMIT"} -o "$here/$name.kbt"
}

sqlite() {
    cat >"$work/sqlite.sql" <<'SQL'
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT, amount INTEGER);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
    INSERT INTO t SELECT i, hex(i * 7919 % 12007) || '-customer', i * 48271 % 9973 FROM n;
CREATE INDEX t_name ON t(name);
SELECT count(*), sum(amount) FROM t WHERE name LIKE '3%';
SELECT a.amount % 10, count(*) FROM t a JOIN t b ON b.id = a.amount + 1 GROUP BY 1;
UPDATE t SET amount = amount + 1 WHERE id % 3 = 0;
SELECT name FROM t ORDER BY amount DESC, name LIMIT 5;
SQL
    record sqlite 4096 "sqlite3 in memory, 2,000 rows" sqlite3 :memory: ".read $work/sqlite.sql"
}

cc1() {
    cat >"$work/tree.c" <<'C'
struct node { struct node *left, *right; int key, count; };
static struct node nodes[1000];
static int used;
static struct node *insert(struct node *root, int key) {
    if (root == 0) {
        root = &nodes[used++];
        root->key = key;
        root->left = root->right = 0;
    }
    if (key < root->key) root->left = insert(root->left, key);
    else if (key > root->key) root->right = insert(root->right, key);
    else root->count++;
    return root;
}
static int depth(const struct node *root) {
    int left, right;
    if (root == 0) return 0;
    left = depth(root->left);
    right = depth(root->right);
    return 1 + (left > right ? left : right);
}
int main(void) {
    struct node *root = 0;
    unsigned x = 1;
    for (int i = 0; i < 900; i++) {
        x = x * 1103515245u + 12345u;
        root = insert(root, (int)(x >> 16) % 500);
    }
    return depth(root);
}
C
    record cc1 4096 "gcc cc1 -O0 on a small file" \
        "$(gcc -print-prog-name=cc1)" -quiet -O0 "$work/tree.c" -o "$work/tree.s"
}

python() {
    cat >"$work/words.py" <<'PY'
import random
random.seed(7)
words = ["".join(random.choice("abcdefghij") for _ in range(random.randint(2, 6))) for _ in range(1200)]
count = {}
for word in words:
    count[word] = count.get(word, 0) + 1
best = sorted(count.items(), key=lambda item: (-item[1], item[0]))[:10]
graph = {i: [(i * k + 1) % 200 for k in (3, 5, 7)] for i in range(200)}
seen, queue = {0}, [0]
for node in queue:
    for other in graph[node]:
        if other not in seen:
            seen.add(other)
            queue.append(other)
print(best, len(seen))
PY
    # Grain 512: for studies of the page size. The start of the interpreter is passed over.
    SKIP=80000000 LIMIT=24000000 record python 512 "python3: words and a graph, after 80 M" "$(python3 -c 'import sys; print(sys.executable)')" \
        -S -E "$work/words.py"
}

redis() {
    (
        for _ in $(seq 200); do
            [ -S "$work/redis.sock" ] && break
            sleep 0.3
        done
        {
            i=0
            while [ $i -lt 60 ]; do
                echo "SET key:$((i * 7919 % 600)) value-$i-$((i * 31))"
                echo "LPUSH list:$((i % 40)) $i"
                echo "GET key:$((i * 104729 % 600))"
                echo "ZADD board $((i * 48271 % 997)) player$((i % 300))"
                i=$((i + 1))
            done
            echo "ZRANGE board 0 -1 WITHSCORES"
            echo "SHUTDOWN NOSAVE"
        } | redis-cli -s "$work/redis.sock" >/dev/null 2>&1
    ) &
    record redis 4096 "redis-server under a client, 240 commands" \
        redis-server --port 0 --unixsocket "$work/redis.sock" --save "" --appendonly no \
        --dir "$work"
    wait
}

sort_lines() {
    python3 -c 'x = 1
for i in range(5000):
    x = x * 48271 % 2147483647
    print(x)' >"$work/numbers"
    record sort 4096 "sort -n of 5,000 lines" sort -n --parallel=1 "$work/numbers"
}

matrix() {
    cat >"$work/matrix.c" <<'C'
enum { N = 104 };
static double a[N][N], b[N][N], c[N][N];
int main(void) {
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = i + j;
            b[i][j] = i - j;
        }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            for (int k = 0; k < N; k++)
                c[i][j] += a[i][k] * b[k][j];
    return c[3][4] > 0;
}
C
    gcc -O1 -o "$work/matrix" "$work/matrix.c"
    record matrix 4096 "matrix product, 104 x 104 doubles, ijk" "$work/matrix" || true
}

for name in "${@:-all}"; do
    case $name in
    all) sqlite && cc1 && python && redis && sort_lines && matrix ;;
    sort) sort_lines ;;
    sqlite | cc1 | python | redis | matrix) "$name" ;;
    *) echo "record.sh: no recipe for $name" >&2 && exit 2 ;;
    esac
done
