# shellcheck shell=bash
# kavach-proxy alone: each case is a group of tests/proxy, which makes its own network namespaces, servers and resolver
# on this host, and prints a line for each thing that it shows.
# BACKENDS all
proxy_tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/../proxy" && pwd -P)

proxy_group() {
	local log=/tmp/proxy.log program=${KV_STAGE:-}/usr/libexec/kavach/kavach-proxy

	[ -x "$program" ] || { echo "SKIP: kavach is not installed here"; return 77; }
	python3 -B "$proxy_tests/cases.py" "$program" "$1" > "$log" 2>&1 < /dev/null
	local status=$?
	cat "$log"
	[ "$status" = 0 ] || echo "FAIL: $(grep '^not ok ' "$log" | head -n 1)"
	return "$status"
}

# CASE allowed: what is allowed, and what is not: hosts, ports, methods, paths, addresses, rebinding, malformed, smuggled
case_allowed() { proxy_group allowed; }

# CASE exchanges: bodies, framing, hostile servers, ends that come too early
case_exchanges() { proxy_group exchanges; }

# CASE load timeout=600: a gigabyte both ways, 200 connections, slow ends, memory below 32 MB
case_load() { proxy_group load; }

# CASE credentials: added where they belong, seen nowhere else, wiped
case_credentials() { proxy_group credentials; }

# CASE process timeout=300: confinement, start and end, records
case_process() { proxy_group process; }
