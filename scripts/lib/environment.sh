# Makes what the other scripts need, inside the project's folder only. To be sourced.
# A second time costs a fraction of a second: stamps say what is up to date.

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"

# Tools that would write into HOME, which may be empty, read-only or somebody else's.
export MELTANO_PROJECT_ROOT="$root"
export VIRTUALENV_OVERRIDE_APP_DATA="$root/.cache/virtualenv"
export XDG_STATE_HOME="$root/.cache/state" # not XDG_CONFIG_HOME: it holds pip's index settings
export PRE_COMMIT_HOME="$root/.cache/pre-commit"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

# pip's own cache if there is one, but no new one in HOME.
[[ -w "${PIP_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/pip}" ]] || export PIP_CACHE_DIR="$root/.cache/pip"

say() { printf '\n== %s\n' "$*" >&2; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# Stop the PostgreSQL servers that work below a folder, such as those of tests that were killed.
stop_servers() {
    local process found=true
    while $found; do
        found=false
        for process in /proc/[0-9]*; do
            if [[ "$(readlink "$process/cwd")" == "$1"/* && "$(<"$process/comm")" == postgres ]]; then
                found=true
                kill -INT "${process#/proc/}" && sleep 0.1
            fi
        done
    done 2>/dev/null
}

# Stop the servers of tests that were killed, and give back the memory that they work in.
stop_test_servers() {
    local memory
    memory="/dev/shm/entrepot$(pwd -P | tr / -)" # as tests/lab's data_folder names it
    stop_servers "$root/.cache/pytest"
    stop_servers "$memory"
    rm -rf "$memory"
}

# The newest Python that everything here runs on. A name on PATH proves nothing (pyenv's are
# there for versions that are not active), so each is run.
find_python() {
    local name names=(python3.13 python3.12 python3.11 python3.10 python3 python)
    for name in "${PYTHON:-}" "${names[@]}"; do
        if [[ -n "$name" ]] && "$name" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "no Python 3.10 to 3.13 on PATH; install one, or name it: PYTHON=/path/to/python3 $0"
}

# Whether a stamp holds the checksum of what is on standard input.
is_fresh() { [[ -f "$1" && "$(cksum)" == "$(cat "$1")" ]]; }

# Ask the package index for something small, so that its silence is not taken for another fault.
explain_failure() {
    local answer
    if ! answer="$("$1" -m pip download --quiet --no-deps --no-cache-dir --retries 0 \
        --dest .cache/probe idna 2>&1)"; then
        printf '%s\n' "$answer" | tail -n 3 >&2
        die "$2: the package index cannot be reached from here (no network, a proxy, or pip's index settings)"
    fi
    die "$2: see above"
}

# Install into .venv with uv, which takes a fraction of pip's time; with pip where uv cannot be had,
# or cannot use what this machine's pip is told of indexes, proxies and certificates.
install_packages() {
    if use_uv && env UV_NO_CONFIG=1 "${uv_settings[@]}" .venv/bin/uv pip install --quiet \
        --python .venv/bin/python --no-deps "$@" 2>>.cache/uv.log; then
        return
    fi
    .venv/bin/python -m pip install --quiet --no-deps "$@"
}

use_uv() {
    [[ -z "${ENTREPOT_WITHOUT_UV:-}" ]] || return
    if [[ ! -x .venv/bin/uv ]]; then
        awk '/^uv==/ {wanted = 1} wanted {print} wanted && !/\\$/ {exit}' requirements/dev.lock >.cache/uv.txt
        .venv/bin/python -m pip install --quiet --no-deps --require-hashes -r .cache/uv.txt 2>.cache/uv.log || return
    fi
    local listed
    listed="$(.venv/bin/python scripts/lib/uv_settings.py .venv/bin/python)" || return
    mapfile -t uv_settings <<<"$listed"
    [[ -w "${UV_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-}/.cache}}" ]] || export UV_CACHE_DIR="$root/.cache/uv"
}

# Debian has Pythons without ensurepip: then pip, if there is one, lends us virtualenv.
make_venv() {
    local python="$1"
    "$python" -m venv --clear .venv >.cache/venv.log 2>&1 && return
    "$python" -m pip --version >/dev/null 2>&1 \
        || die "$python can make no environment: install its venv or pip package (on Debian python3-venv)"
    "$python" -m pip install --quiet --upgrade --target .cache/bootstrap \
        "$(sed -n 's/^\(virtualenv==[^ ]*\).*/\1/p' requirements/dev.lock)" \
        || explain_failure "$python" "could not install virtualenv"
    PYTHONPATH=.cache/bootstrap "$python" -m virtualenv --quiet --clear .venv
}

local_packages() { echo core/pyproject.toml && find extract load orchestrate transform tests -mindepth 2 -maxdepth 2 -name pyproject.toml | sort; }

environment_inputs() {
    echo "$root" "$1" && cat requirements/dev.lock && local_packages && local_packages | tr '\n' '\0' | xargs -0 cat
}

# .venv: Meltano, the tools, and every package of the project, editable.
make_environment() {
    local python stamp=.venv/.stamp packages=() file
    mkdir -p .cache
    if [[ -x .venv/bin/python ]] && is_fresh "$stamp" < <(environment_inputs "$(.venv/bin/python -V)"); then
        return
    fi
    python="$(find_python)"
    say "1 of 3: .venv with $("$python" -V)"
    make_venv "$python"
    say "2 of 3: $(grep -c '^[a-z]' requirements/dev.lock) libraries (a minute or two the first time)"
    # The lock is complete, so nothing is left to resolve.
    install_packages --require-hashes -r requirements/dev.lock \
        || explain_failure .venv/bin/python "could not install requirements/dev.lock"
    while IFS= read -r file; do packages+=(-e "$(dirname "$file")"); done < <(local_packages)
    say "3 of 3: the project's $(local_packages | wc -l) packages"
    install_packages --no-build-isolation "${packages[@]}" \
        || die "could not install the project's packages"
    environment_inputs "$(.venv/bin/python -V)" | cksum >"$stamp"
}

plugin_inputs() {
    echo "$root" && shopt -s nullglob && cat .venv/.stamp meltano.yml ./*/*.meltano.yml ./{contents,local}/*/*.meltano.yml requirements/*.lock
}

# .meltano: one environment for each plugin that is not ours, such as those of local/.
make_plugins() {
    local stamp=.meltano/.stamp
    is_fresh "$stamp" < <(plugin_inputs) && return
    say "environments of other people's plugins"
    .venv/bin/meltano --log-level=warning install \
        || explain_failure .venv/bin/python "could not install the plugins"
    plugin_inputs | cksum >"$stamp"
}
