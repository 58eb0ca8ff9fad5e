# The cgroups (v1) of the node and its pods: who belongs to it, and its memory.

CGROUPS=/sys/fs/cgroup

make_cgroups() {
  local root
  for root in "$CGROUPS"/*/; do
    mkdir -p "$root$NAME"
    # A new cpuset is empty, and nothing may run in an empty one.
    if [ -e "$root/cpuset.cpus" ]; then
      cat "$root/cpuset.cpus" >"$root$NAME/cpuset.cpus"
      cat "$root/cpuset.mems" >"$root$NAME/cpuset.mems"
    fi
  done
  mkdir -p "$CGROUPS/memory/$NAME/system"
}

# in_cgroup COMMAND...: becomes a command that counts towards the node and ends
# with it. It keeps neither the caller's folder nor its open files: who waits for
# their end must not wait for it.
in_cgroup() {
  local fd
  echo $BASHPID >"$CGROUPS/memory/$NAME/system/cgroup.procs"
  for fd in "/proc/$BASHPID/fd"/*; do
    fd=${fd##*/}
    [ "$fd" -le 2 ] || [ "$fd" = 255 ] || eval "exec $fd>&-"
  done
  cd /
  exec "$@"
}

# The PIDs of the node and its pods, also those of an `up` that was cut short.
processes() { find "$CGROUPS/memory/$NAME" -name cgroup.procs -exec cat {} + 2>/dev/null || true; }

kill_processes() {
  local pids
  for _ in {1..300}; do
    pids=$(processes)
    [ -n "$pids" ] || return 0
    # The node's first process takes the rest with it: one round is the rule.
    kill -KILL $pids 2>/dev/null || true
    sleep 0.02
  done
  die "these processes do not end:" $pids
}

remove_cgroups() {
  local root
  for _ in {1..50}; do
    for root in "$CGROUPS"/*/"$NAME"; do
      [ ! -d "$root" ] || find "$root" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    compgen -G "$CGROUPS/*/$NAME" >/dev/null || return 0
    sleep 0.1
  done
  die "cgroups stay behind: $(compgen -G "$CGROUPS/*/$NAME" | tr '\n' ' ')"
}

memory() { awk '$1 == "total_rss" {printf "%d", $2/1048576}' "$CGROUPS/memory/$NAME/memory.stat"; }
