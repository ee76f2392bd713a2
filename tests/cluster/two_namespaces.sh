# Sourced by the tests that need a network of their own: two namespaces, $one and $two, with the addresses 10.98.0.1 and
# 10.98.0.2, between them a cable; and a scratch folder, $work, with a key. Ends the script where this system has none.
if [ "$(id -u)" -ne 0 ] || ! command -v ip >/dev/null || ! command -v tc >/dev/null; then
  echo "skipped: needs root, ip and tc"
  exit 0
fi
one=glmcable1_$$ two=glmcable2_$$
work=$(mktemp -d)
cleanup() {
  for process in $(jobs -p); do kill -9 "$process" 2>/dev/null; done
  ip netns del "$one" 2>/dev/null
  ip netns del "$two" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
if ! ip netns add "$one" 2>/dev/null || ! ip netns add "$two" 2>/dev/null; then
  echo "skipped: no network namespaces"
  exit 0
fi
if ! ip link add cable1 netns "$one" type veth peer name cable2 netns "$two" 2>/dev/null; then
  echo "skipped: no virtual cables"
  exit 0
fi
for i in 1 2; do
  namespace=glmcable${i}_$$
  ip -n "$namespace" addr add 10.98.0.$i/24 dev cable$i
  ip -n "$namespace" link set cable$i up
  ip -n "$namespace" link set lo up
done
echo "a key for this test" >"$work/key"
export XDG_CACHE_HOME=$work

# set_cable up|down
set_cable() {
  for i in 1 2; do ip -n glmcable${i}_$$ link set cable$i "$1"; done
}
failed=0
fail() {
  echo "FAILED: $1"
  cat "$work/coordinator" "$work/worker"
  failed=1
}
# wait_for TEXT FILE: at most five minutes
wait_for() {
  for _ in $(seq 3000); do
    grep -q "$1" "$2" 2>/dev/null && return 0
    sleep 0.1
  done
  fail "no '$1' in five minutes"
  return 1
}
