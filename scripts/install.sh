# shellcheck shell=sh disable=SC2154
# Sourced by ./causeway and ./check, with $home set to the repository; POSIX sh alone.
# install_packages run|all installs what the lockfile says, once, and sets $bun to the runtime's path.
# `run` is what a user needs; `all` adds what checking and developing needs, and serves for `run` too.

install_packages() {
  bun='' npm_pid='' clear=''
  if ! is_installed "$1"; then
    wait_for_turn
    is_installed "$1" || install_now "$1"
    end_turn
    trap - EXIT HUP INT TERM
  fi
  [ -n "$bun" ] || find_bun || fail "no runtime for $(uname -sm) in node_modules/@oven" \
    "Causeway runs on Linux and macOS, x64 and arm64; on Windows use WSL"
}

# The runtime is looked for too: the folder may have been installed on another kind of machine.
is_installed() {
  { is_marked all || { [ "$1" = run ] && is_marked run; }; } && find_bun
}

# Slim containers have no cmp; where there is one, it is the faster.
is_marked() {
  marker=$home/node_modules/.installed-$1
  if command -v cmp >/dev/null; then
    cmp -s "$home/package-lock.json" "$marker"
  else
    [ -f "$marker" ] && [ "$(cat "$home/package-lock.json")" = "$(cat "$marker")" ]
  fi
}

# One installation at a time: the folder is the lock, and a dead holder's lock is taken over.
wait_for_turn() {
  turn=$home/.installing waited=0
  until mkdir "$turn" 2>/dev/null; do
    [ -w "$home" ] || fail "cannot write to $home" "clone into a folder of your own"
    [ -d "$turn" ] || [ "$waited" -lt 5 ] ||
      fail "cannot make the folder $turn" "free some space, or clone into a folder of your own"
    [ "$waited" -ne 5 ] || say "install  waits for another installation in this folder …"
    [ "$waited" -lt 3000 ] || fail "another installation in this folder does not end" "end it, or remove $turn"
    take_over_if_dead
    waited=$((waited + 1))
    sleep 0.2 2>/dev/null || sleep 1
  done
  trap end_turn EXIT
  trap 'interrupt 129' HUP
  trap 'interrupt 130' INT
  trap 'interrupt 143' TERM
  birth_of $$ >"$turn/launcher"
}

# Under a lock of its own, so that a turn that has found a new holder meanwhile is left to it.
take_over_if_dead() {
  holders=$(list_holders)
  if [ -n "$holders" ]; then
    ! echo "$holders" | is_one_alive || return 0
  else
    # A holder writes its name at once, unless it was killed before that: one look in five seconds.
    [ $((waited % 25)) -eq 24 ] || return 0
  fi
  mkdir "$turn/taking-over" 2>/dev/null || return 0
  if [ "$(list_holders)" = "$holders" ]; then rm -rf "$turn"; else rmdir "$turn/taking-over" 2>/dev/null || :; fi
}

# The launcher, and the npm that it started: that one goes on alone where the launcher was killed.
list_holders() { cat "$turn/launcher" "$turn/npm" 2>/dev/null || :; }

is_one_alive() {
  while read -r holder; do
    [ "$(birth_of "${holder%% *}")" != "$holder" ] || return 0
  done
  return 1
}

# A process id with, where the system tells it, the moment that process began, since ids are used again.
birth_of() {
  if [ -r "/proc/$1/stat" ]; then
    began=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20)
  else
    began=$(LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null || :)
  fi
  if [ -n "$began" ] || kill -0 "$1" 2>/dev/null; then echo "$1" "$began"; fi
}

end_turn() { rm -rf "$home/.installing"; }

interrupt() {
  trap '' HUP INT TERM
  say "install  interrupted; the next run installs anew"
  if [ -n "$npm_pid" ]; then
    kill "$npm_pid" 2>/dev/null || :
    wait "$npm_pid" 2>/dev/null || :
  fi
  exit "$1"
}

install_now() {
  say_for_now "install  runtime and packages, once …"
  command -v npm >/dev/null 2>&1 || fail "npm was not found" "install Node.js 20 or later, then run this again"
  node=$(node -p 'process.versions.node.split(".")[0] + " " + Date.now()' 2>/dev/null) ||
    fail "node was not found, or does not run" "install Node.js 20 or later, then run this again"
  [ "${node% *}" -ge 20 ] ||
    fail "Node.js ${node% *} is too old to install the packages" "install Node.js 20 or later"
  CAUSEWAY_STARTED_AT=${node#* }
  export CAUSEWAY_STARTED_AT

  # npm empties the folder in no certain order, so what says that it is whole goes first.
  rm -f "$home/node_modules/.installed-run" "$home/node_modules/.installed-all"
  omit=--omit=dev
  [ "$1" = run ] || omit=--include=dev
  log=$turn/npm.log
  # In the background, so that an interruption is acted on at once. Flags win over a user's own settings.
  (cd "$home" && exec npm ci "$omit" --include=optional --ignore-scripts --bin-links --package-lock \
    --install-strategy=hoisted --engine-strict=false --global=false --dry-run=false --prefer-offline \
    --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --fetch-timeout=60000 \
    --no-audit --no-fund --no-update-notifier --loglevel=error) >"$log" 2>&1 &
  npm_pid=$!
  birth_of "$npm_pid" >"$turn/npm"
  if ! wait "$npm_pid"; then
    npm_pid=''
    printf %s "$clear" >&2
    cat "$log" >&2
    fail "npm could not install the packages" \
      "read npm's message above; without one, a proxy or registry setting is the usual cause"
  fi
  npm_pid=''
  cp "$home/package-lock.json" "$home/node_modules/.installed-$1"
  seconds=$(node -p '((Date.now() - process.env.CAUSEWAY_STARTED_AT) / 1000).toFixed(1)')
  say "install  runtime and packages, once                    $seconds s"
}

find_bun() {
  case $(uname -sm) in
    'Linux x86_64' | 'Linux amd64') platform=linux-x64 ;;
    'Linux aarch64' | 'Linux arm64') platform=linux-aarch64 ;;
    'Darwin x86_64') platform=darwin-x64 ;;
    'Darwin arm64') platform=darwin-aarch64 ;;
    *) return 1 ;;
  esac
  for loader in /lib/ld-musl-*; do
    [ ! -e "$loader" ] || platform=$platform-musl
  done
  bun=$home/node_modules/@oven/bun-$platform/bin/bun
  [ -x "$bun" ] || { bun='' && return 1; }
}

# On a terminal, the next line takes its place.
say_for_now() {
  if [ -t 2 ] && [ -z "${CI:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    clear=$(printf '\033[K')
    printf '%s\r' "$1" >&2
  else
    say "$1"
  fi
}

say() {
  printf '%s%s\n' "$clear" "$1" >&2
  clear=''
}

fail() {
  printf '%serror: %s\n  hint: %s\n' "$clear" "$1" "$2" >&2
  exit 1
}
