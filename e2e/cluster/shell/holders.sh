# Who the cluster is up for: processes, by a file each, and `hand`, which stays
# until somebody runs `down`. Both ends are under one_at_a_time.

# hold HOLDER
hold() {
  mkdir -p "$STATE/holders"
  began "$1" >"$STATE/holders/$1"
  [ "$1" = hand ] || is_watched || {
    (exec 9<&-; exec setsid "$HERE/cluster" __watch) >/dev/null 2>&1 </dev/null &
    echo $! >"$STATE/watch"
  }
}

# release HOLDER: fails when it was the last, so that the cluster is to go.
# `hand` is everybody's.
release() {
  [ "$1" != hand ] || return 1
  rm -f "$STATE/holders/$1"
  is_held || [ ! -d "$STATE" ]
}

is_held() {
  local file holder
  for file in "$STATE"/holders/*; do
    # Empty: it had ended before the cluster was up.
    [ -s "$file" ] || continue
    holder=${file##*/}
    # A PID is used again: one that began at another time is another process.
    [ "$(began "$holder")" != "$(cat "$file")" ] || return 0
  done
  return 1
}

# When a process began, in ticks since the machine did.
began() {
  if [ "$1" = hand ]; then echo hand; return; fi
  sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20 || true
}

is_watched() { tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$STATE/watch" 2>/dev/null)/cmdline" | grep -q __watch; }

# Ends the cluster of holders that were killed.
watch() {
  cd /
  while sleep 1 && [ -d "$STATE" ]; do
    is_held || (one_at_a_time; is_held || down)
  done
}
