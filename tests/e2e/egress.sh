# shellcheck shell=bash
# BACKENDS all
# Sessions with network = proxy: what is on the list is reached through kavach-proxy, and nothing else by any way. The servers
# are nginx, with TLS from an authority of the test's own, at addresses that are public ones, in the host's own network.

www=198.41.0.4 other=199.9.14.201 private=10.9.8.7

# egress_host [BACKEND]: a host with servers www.test, other.test and private.test, and TLS roots that it trusts.
egress_host() {
	[ -z "${KV_BASELINE:-}" ] || skip "only the bare shell is here"
	# shellcheck disable=SC2034 # host_runtime reads it
	KV_BACKEND=${1:-process}
	local program
	for program in nginx openssl curl; do
		command -v "$program" > /dev/null || skip "$program is not installed"
	done
	host_up
	# Not the host's own, which are closed, but servers that are elsewhere.
	ip route add local $www dev lo
	ip route add local $other dev lo
	ip addr add $private/32 dev lo
	printf '%s www.test deep.www.test\n%s other.test\n%s private.test\n' $www $other $private >> /etc/hosts
	egress_authority
	egress_nginx
}

egress_authority() {
	(
		cd /tmp && mkdir ca && cd ca || exit 1
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=test authority' -keyout ca.key -out ca.pem
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=www.test' -keyout tls.key -out tls.csr
		printf 'subjectAltName=DNS:www.test,DNS:*.www.test,DNS:other.test,DNS:private.test\n' > ext
		openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out tls.pem
	) > /tmp/ca.log 2>&1 || { cat /tmp/ca.log >&2; fail "the test's authority"; }
	cat /tmp/ca/ca.pem >> /etc/ssl/certs/ca-certificates.crt
	cp /tmp/ca/ca.pem "/etc/ssl/certs/$(openssl x509 -hash -noout -in /tmp/ca/ca.pem).0"
}

egress_nginx() {
	mkdir -p /srv/www /tmp/nginx
	echo reached > /srv/www/hello
	cat > /tmp/nginx.conf <<-CONF
		pid /tmp/nginx/pid; error_log /tmp/nginx/error; worker_processes 1;
		events { worker_connections 512; }
		http {
			access_log /tmp/nginx/access; client_body_temp_path /tmp/nginx/body; proxy_temp_path /tmp/nginx/proxy;
			fastcgi_temp_path /tmp/nginx/fcgi; uwsgi_temp_path /tmp/nginx/uwsgi; scgi_temp_path /tmp/nginx/scgi;
			server {
				listen $www:80; listen $other:80; listen $private:80; listen 127.0.0.1:80;
				listen $www:443 ssl http2; listen $other:443 ssl; listen $private:443 ssl; listen $www:8443 ssl;
				ssl_certificate /tmp/ca/tls.pem; ssl_certificate_key /tmp/ca/tls.key;
				root /srv/www;
				location /whoami { return 200 "\$scheme \$host auth=\$http_authorization\\n"; }
				location /away { return 302 http://other.test/whoami; }
			}
		}
	CONF
	nginx -c /tmp/nginx.conf > /tmp/nginx.log 2>&1 || { cat /tmp/nginx.log >&2; fail "nginx"; }
	wait_for 5 curl -sf -o /dev/null "http://$www/hello" || fail "nginx does not answer"
}

# get URL [CURL OPTION...]: inside, by curl as it is.
get() {
	local url=$1
	shift
	ssh ann@kv "curl -sS -m 10 $* '$url'"
}

# reached URL | refused URL [STATUS]: inside. A refusal is the proxy's own answer, 403 if none is named.
reached() { eq "$1" reached "$(get "$1" 2>&1)"; }
refused() { eq "$1" "${2:-403}" "$(get "$1" -o /dev/null -w '%{http_code}' --proxytunnel 2> /dev/null || true)"; }

egress_policy() { host_policy_for ann "backend = $(host_backend)" 'network = proxy' "$@"; }

# What every backend must give: names on the list are reached by http and https, all else is refused and recorded.
egress_basics() {
	egress_host "$1"
	egress_policy 'allowed_hosts = www.test, *.www.test'
	reached http://www.test/hello
	reached https://www.test/hello
	reached https://deep.www.test/hello
	eq "another host" 403 "$(get http://other.test/hello -o /dev/null -w '%{http_code}')"
	get https://other.test/hello && fail "a tunnel to another host"
	get http://$www/hello | grep -q reached && fail "an address that is not listed"
	ssh ann@kv "exec 3<>/dev/tcp/$www/80" 2> /dev/null && fail "a way around the proxy"
	ssh ann@kv "curl -sS -m 5 --noproxy '*' http://$www/hello" && fail "curl without the proxy"
	[ "$(count_records 'event=egress-allow .* host=www.test ')" -ge 2 ] || fail "no record of what was reached: $(records egress)"
	[ "$(count_records 'event=egress-deny .* host=other.test ')" -ge 2 ] || fail "no record of a refusal: $(records egress)"
	must_be_clean
	eq "proxies" '' "$(pgrep -x kavach-proxy)"
	kavachctl audit verify "$HOST_LOG" || fail "the records do not verify"
}

# CASE process timeout=240: by the process backend
case_process() { egress_basics process; }
# CASE crun timeout=240: by crun
case_crun() { egress_basics crun; }
# CASE runc timeout=240: by runc
case_runc() { egress_basics runc; }
# CASE gvisor timeout=240: by gVisor
case_gvisor() { egress_basics gvisor; }

# CASE syagnos timeout=600: by sy-agnos, whose image has python and no curl
case_syagnos() {
	egress_host syagnos
	kavachctl image build sy-agnos || fail "build"
	egress_policy 'allowed_hosts = www.test'
	ssh ann@kv "exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://www.test/hello HTTP/1.0\r\n\r\n' >&3; cat <&3" > /tmp/answer
	grep -q reached /tmp/answer || fail "not reached: $(cat /tmp/answer)"
	ssh ann@kv "exec 3<>/dev/tcp/127.0.0.1/3128; printf 'GET http://other.test/hello HTTP/1.0\r\n\r\n' >&3; cat <&3" > /tmp/answer
	grep -q ' 403 ' /tmp/answer || fail "not refused: $(cat /tmp/answer)"
	ssh ann@kv "exec 3<>/dev/tcp/$www/80" 2> /dev/null && fail "a way around the proxy"
	must_be_clean
}

# ways_out BACKEND: no kind of socket leads out but the proxy's, nor to a socket of the host's that every user may connect to.
ways_out() {
	egress_host "$1"
	egress_policy 'allowed_hosts = www.test'
	cat > /srv/www/ways.py <<-'PY'
		import socket
		www, at = "198.41.0.4", b"GET / HTTP/1.0\r\n\r\n"
		def dial(to, *kind):
		    s = socket.socket(*kind)
		    s.settimeout(3)
		    s.connect(to)
		def send(to, flags, *kind):
		    s = socket.socket(*kind)
		    s.settimeout(3)
		    s.sendto(at, flags, to)
		ways = {
		    "proxy": lambda: dial(("127.0.0.1", 3128), 2, 1), "tcp": lambda: dial((www, 80), 2, 1),
		    "mptcp": lambda: dial((www, 80), 2, 1, 262), "fastopen": lambda: send((www, 80), 0x20000000, 2, 1),
		    "mptcp-fastopen": lambda: send((www, 80), 0x20000000, 2, 1, 262), "udp": lambda: send((www, 53), 0, 2, 2),
		    "host-loopback": lambda: dial(("127.0.0.1", 80), 2, 1), "raw": lambda: socket.socket(2, 3, 1),
		    "packet": lambda: socket.socket(17, 3, 0), "vsock": lambda: socket.socket(40, 1), "sctp": lambda: socket.socket(2, 1, 132),
		    "abstract": lambda: dial("\0kvtest", 1, 1), "unix": lambda: dial("/run/kvtest.sock", 1, 1),
		}
		for name, way in ways.items():
		    try:
		        way()
		        print(name)
		    except OSError:
		        pass
	PY
	/usr/bin/python3 -c 'import os, socket, time
for name in "\0kvtest", "/run/kvtest.sock":
    s = socket.socket(1)
    s.bind(name)
    s.listen()
    globals()[repr(name)] = s
os.chmod("/run/kvtest.sock", 0o777)
time.sleep(100)' & local servers=$!
	wait_for 5 test -S /run/kvtest.sock || fail "no sockets"
	setpriv --reuid ann --clear-groups /usr/bin/python3 /srv/www/ways.py > /tmp/outside
	eq "outside, what is here is reached" 3 "$(grep -cx -e tcp -e abstract -e unix /tmp/outside)"
	eq "the ways out" proxy "$(ssh ann@kv 'curl -sS http://www.test/ways.py > ways.py; /usr/bin/python3 ways.py')"
	kill "$servers"
	must_be_clean
}

# CASE ways_process timeout=240: no way but the proxy, by the process backend
case_ways_process() { ways_out process; }
# CASE ways_crun timeout=240: no way but the proxy, by crun
case_ways_crun() { ways_out crun; }
# CASE ways_gvisor timeout=240: no way but the proxy, by gVisor
case_ways_gvisor() { ways_out gvisor; }

# CASE addresses timeout=240: closed addresses are closed by any name and any spelling, and open where they are listed
case_addresses() {
	egress_host
	egress_policy 'allowed_hosts = "*"'
	printf '169.254.169.254 metadata.test\n127.0.0.1 local.test\n::1 local6.test\n' >> /etc/hosts
	reached http://www.test/hello
	reached http://other.test/hello
	local url
	for url in http://private.test/hello http://local.test/hello http://local6.test/ http://metadata.test/ http://127.0.0.1/hello \
	    http://localhost./hello 'http://[::1]/' 'http://[::ffff:127.0.0.1]/hello' "http://$private/hello" http://169.254.169.254/; do
		get "$url" --noproxy "''" -g -o /dev/null -w '%{http_code}' > /tmp/code || true
		grep -q -e 403 -e 400 /tmp/code || fail "$url: $(cat /tmp/code)"
	done
	eq "nothing of it was reached" 0 "$(grep -c -v -e "^$www" -e "^$other" /tmp/nginx/access | grep -v 0 || echo 0)"
	ip addr add $other dev lo
	eq "an address that is public, and the host's own" 403 "$(get http://other.test/hello -o /dev/null -w '%{http_code}')"
	records event=egress-deny | tail -n 1 | grep -q "this host $other" || fail "the reason: $(records event=egress-deny | tail -n 1)"
	egress_policy "allowed_hosts = other.test, $other"
	reached http://other.test/hello
	egress_policy "allowed_hosts = private.test, $private"
	reached http://private.test/hello
	reached "http://$private/hello"
	egress_policy 'allowed_hosts = private.test'
	eq "a name for it alone" 403 "$(get http://private.test/hello -o /dev/null -w '%{http_code}')"
	must_be_clean
}

# CASE restrictions timeout=240: ports, methods and paths; an empty list allows nothing
case_restrictions() {
	egress_host
	egress_policy 'allowed_hosts = www.test'
	eq "another port" 403 "$(get https://www.test:8443/hello -o /dev/null -w '%{http_connect}' || true)"
	egress_policy 'allowed_hosts = www.test' 'allowed_ports = 8443'
	reached https://www.test:8443/hello
	eq "port 80 is not listed now" 403 "$(get http://www.test/hello -o /dev/null -w '%{http_code}')"
	egress_policy 'allowed_hosts = www.test' 'allowed_methods = GET, HEAD' 'allowed_paths = /hello'
	reached http://www.test/hello
	eq "another path" 403 "$(get http://www.test/whoami -o /dev/null -w '%{http_code}')"
	eq "a way out of the path" 403 "$(get 'http://www.test/hello/%2e%2e/whoami' --path-as-is -o /dev/null -w '%{http_code}')"
	eq "another method" 403 "$(get http://www.test/hello -X DELETE -o /dev/null -w '%{http_code}')"
	eq "what cannot be looked into" 403 "$(get https://www.test/hello -o /dev/null -w '%{http_connect}' || true)"
	egress_policy
	eq "no list" 403 "$(get http://www.test/hello -o /dev/null -w '%{http_code}')"
	must_be_clean
}

# CASE socks timeout=240: SOCKS5 under the same lists; forwarding of sshd's reaches no more than the proxy
case_socks() {
	egress_host
	egress_policy 'allowed_hosts = www.test'
	eq "socks" reached "$(get http://www.test/hello --noproxy "''" --proxy socks5h://127.0.0.1:3128)"
	get http://other.test/hello --proxy socks5h://127.0.0.1:3128 && fail "another host by SOCKS"
	ssh -W $www:80 ann@kv < /dev/null > /tmp/w.out 2>&1 && fail "ssh -W goes around the proxy"
	eq "ssh -W to the proxy is under the lists, too" '403' \
	    "$( (printf 'GET http://other.test/ HTTP/1.0\r\n\r\n'; sleep 1) | ssh -W 127.0.0.1:3128 ann@kv | head -n 1 | cut -d' ' -f2)"
	must_be_clean
}

# CASE git timeout=240: git clones over https; a repository elsewhere is refused
case_git() {
	egress_host
	git init -q /tmp/repo
	(cd /tmp/repo && echo hello > file && git add file && git -c user.name=t -c user.email=t@t commit -q -m one) || fail "git"
	git clone -q --bare /tmp/repo /srv/www/repo.git && git -C /srv/www/repo.git update-server-info
	egress_policy 'allowed_hosts = www.test'
	eq "clone" hello "$(ssh ann@kv 'git clone -q https://www.test/repo.git r && cat r/file' 2>&1)"
	ssh ann@kv 'git clone -q https://other.test/repo.git s' 2> /dev/null && fail "cloned from elsewhere"
	must_be_clean
}

# CASE pip timeout=300: pip downloads from an index on the list, and not from another one
case_pip() {
	egress_host
	[ -x /usr/bin/pip3 ] || skip "python3-pip is not installed"
	mkdir -p /srv/www/simple/kvtest /tmp/wheel/kvtest-1.0.dist-info
	(
		cd /tmp/wheel || exit 1
		echo 'value = 42' > kvtest.py
		printf 'Metadata-Version: 2.1\nName: kvtest\nVersion: 1.0\n' > kvtest-1.0.dist-info/METADATA
		printf 'Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n' > kvtest-1.0.dist-info/WHEEL
		printf 'kvtest.py,,\nkvtest-1.0.dist-info/METADATA,,\nkvtest-1.0.dist-info/WHEEL,,\nkvtest-1.0.dist-info/RECORD,,\n' > kvtest-1.0.dist-info/RECORD
		/usr/bin/python3 -m zipfile -c /srv/www/simple/kvtest/kvtest-1.0-py3-none-any.whl kvtest.py kvtest-1.0.dist-info
	) || fail "a wheel"
	echo '<a href="kvtest-1.0-py3-none-any.whl">kvtest-1.0-py3-none-any.whl</a>' > /srv/www/simple/kvtest/index.html
	egress_policy 'allowed_hosts = www.test' 'process_limit = none' 'memory_limit = 1G'
	ssh ann@kv '/usr/bin/pip3 download -q --disable-pip-version-check --no-deps --cert /etc/ssl/certs/ca-certificates.crt -i https://www.test/simple -d d kvtest && ls d' \
	    > /tmp/pip.out 2>&1
	grep -q kvtest-1.0 /tmp/pip.out || fail "pip: $(tail -n 3 /tmp/pip.out)"
	ssh ann@kv '/usr/bin/pip3 download -q --disable-pip-version-check --no-deps --retries 0 --cert /etc/ssl/certs/ca-certificates.crt -i https://other.test/simple -d e kvtest' \
	    > /dev/null 2>&1 && fail "pip from elsewhere"
	must_be_clean
}

# CASE apt timeout=240: apt updates from a flat repository on the list and fetches from it, and not from another one
case_apt() {
	egress_host
	local deb=/srv/www/deb/kvtest_1.0_all.deb
	mkdir -p /srv/www/deb /tmp/kvtest/DEBIAN
	printf 'Package: kvtest\nVersion: 1.0\nArchitecture: all\nMaintainer: t <t@t.test>\nDescription: t\n' > /tmp/kvtest/DEBIAN/control
	dpkg-deb -b --root-owner-group /tmp/kvtest $deb > /dev/null || fail "a package"
	{
		dpkg-deb -f $deb
		printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n' "${deb##*/}" "$(stat -c %s $deb)" "$(sha256sum $deb | cut -d' ' -f1)"
	} > /srv/www/deb/Packages
	# fetch HOST: in state folders of the user's own; what cannot be had is an error.
	cat > /usr/local/bin/fetch <<-'FETCH'
		#!/bin/sh
		d=$HOME/$1
		mkdir -p "$d/lists/partial" "$d/archives/partial" && cd "$d" || exit 1
		echo "deb [trusted=yes] http://$1/deb ./" > list
		printf 'Dir::Etc::sourcelist "%s/list"; Dir::Etc::sourceparts "-"; Dir::Cache "%s"; Dir::State::lists "%s/lists";' "$d" "$d" "$d" > conf
		printf 'Debug::NoLocking "1"; Acquire::Retries "0"; APT::Update::Error-Mode "any"; Acquire::Languages "none";' >> conf
		export APT_CONFIG=$d/conf
		apt-get -qq update && apt-get -qq download kvtest && ls ./*.deb
	FETCH
	chmod 755 /usr/local/bin/fetch
	egress_policy 'allowed_hosts = www.test' 'process_limit = none' 'memory_limit = 1G'
	ssh ann@kv 'fetch www.test' > /tmp/apt.out 2>&1
	eq "apt" ./kvtest_1.0_all.deb "$(tail -n 1 /tmp/apt.out)"
	ssh ann@kv 'fetch other.test' > /tmp/apt.out 2>&1 && fail "apt from elsewhere"
	grep -q '403 *Forbidden' /tmp/apt.out || fail "it is not the proxy that refuses: $(tail -n 3 /tmp/apt.out)"
	must_be_clean
}

# CASE ends timeout=240: the proxy ends with its session, however that ends; without the proxy there is no way out
case_ends() {
	egress_host
	egress_policy 'allowed_hosts = www.test'
	ssh ann@kv 'echo on; exec sleep 100' > /tmp/on &
	wait_for 10 grep -q on /tmp/on || fail "no session"
	eq "one proxy" 1 "$(pgrep -x kavach-proxy | wc -l)"
	local proxy uid
	proxy=$(pgrep -x kavach-proxy)
	uid=$(awk '/^Uid:/ { print $2 }' "/proc/$proxy/status")
	[ "$uid" -gt 2000000000 ] || fail "the proxy runs as $uid"
	eq "its capabilities" 0000000000000000 "$(awk '/^CapPrm:/ { print $2 }' "/proc/$proxy/status")"
	eq "it is confined" '1 2' "$(awk '/^NoNewPrivs:/ { n = $2 } /^Seccomp:/ { s = $2 } END { print n, s }' "/proc/$proxy/status")"
	kavachctl show "$(kavachctl sessions | awk '$2 == "ann" { print $1 }')" | grep -q '^egress: *0 allowed' || fail "show does not count"
	kill -9 "$(kavachctl sessions --json | sed -n 's/.*"opener": *\([0-9]*\).*/\1/p')"
	wait_for 5 test ! -d "/proc/$proxy" || fail "the proxy outlives the opener"
	kavachctl reap
	must_be_clean
	ssh ann@kv 'read -r x; curl -sS -m 5 http://www.test/hello' < <(
		wait_for 10 pgrep -x kavach-proxy
		pkill -9 -x kavach-proxy
		sleep 0.3
		echo
	) && fail "reached without a proxy"
	must_be_clean
}

# CASE missing: a proxy that does not start refuses the login, with one record
case_missing() {
	egress_host
	egress_policy 'allowed_hosts = www.test'
	ssh ann@kv true || fail "the twin does not work"
	: > "$HOST_LOG"
	mv /usr/libexec/kavach/kavach-proxy /tmp/
	ssh ann@kv 'echo a-shell' > /tmp/out 2>&1 && fail "let in"
	grep -q a-shell /tmp/out && fail "a shell without its proxy"
	eq "records" 1 "$(count_records 'event=session-deny')"
	must_be_clean
	printf '#!/bin/sh\nsleep 100\n' > /usr/libexec/kavach/kavach-proxy
	chmod 755 /usr/libexec/kavach/kavach-proxy
	ssh ann@kv 'echo a-shell' > /tmp/out 2>&1 && fail "let in with a proxy that says nothing"
	eq "records" 2 "$(count_records 'event=session-deny')"
	must_be_clean
	eq "left" '' "$(pgrep -f kavach-proxy)"
}

# CASE credential timeout=240: a header is added to what goes to its host by TLS, and nowhere else; the session never sees it
case_credential() {
	egress_host
	mkdir -p /etc/kavach/credentials.d
	chmod 700 /etc/kavach/credentials.d
	printf 's3cr3t-v4lue' > /root/token
	chmod 600 /root/token
	printf '[credential api]\nfile = /root/token\nheader = "Authorization"\nprefix = "Bearer "\nhosts = www.test\n' > /etc/kavach/credentials.d/api.conf
	chmod 600 /etc/kavach/credentials.d/api.conf
	egress_policy 'allowed_hosts = www.test, other.test, deep.www.test' 'credentials = api'
	eq "http inside is https outside, with the header" 'https www.test auth=Bearer s3cr3t-v4lue' "$(get http://www.test/whoami)"
	eq "what the session sends of that name is dropped" 'https www.test auth=Bearer s3cr3t-v4lue' "$(get http://www.test/whoami -H "'Authorization: mine'")"
	eq "another host" 'http other.test auth=' "$(get http://other.test/whoami)"
	eq "a name below it" 'http deep.www.test auth=' "$(get http://deep.www.test/whoami)"
	eq "a tunnel" 'https www.test auth=' "$(get https://www.test/whoami)"
	eq "a redirect to another host" 'http other.test auth=' "$(get http://www.test/away -L)"
	eq "another port" 403 "$(get http://www.test:8443/whoami -o /dev/null -w '%{http_code}')"
	ssh ann@kv 'echo on; exec sleep 20' > /tmp/on &
	local pid login=$!
	wait_for 10 grep -q on /tmp/on || fail "no session"
	for pid in $(pgrep -f 'kavach|sshd'; pgrep -u ann); do
		grep -a -q s3cr3t-v4lue "/proc/$pid/environ" "/proc/$pid/cmdline" 2> /dev/null && fail "in /proc/$pid"
	done
	grep -r -q s3cr3t-v4lue /run /var/log /tmp/nginx 2> /dev/null && fail "in a file: $(grep -r -l s3cr3t-v4lue /run /var/log /tmp/nginx)"
	ssh ann@kv "env; cat /proc/*/environ; ls -R /run" 2> /dev/null | grep -a -q s3cr3t && fail "inside"
	eq "no core, no tracer" 0 "$(gdb_like "$(pgrep -x kavach-proxy)")"
	kill $login
	must_be_clean
	printf 'two\nlines\nx' > /root/token
	ssh ann@kv true 2> /dev/null && fail "a value that no header can hold is let in"
	records event=session-deny | grep -q 'two' && fail "a value in a record"
	records 'event=session-deny' | grep -q 'credential api' || fail "the record does not name the credential: $(records session-deny)"
}

# gdb_like PID: can a process of the proxy's own id read its memory? 0: no.
gdb_like() {
	local uid
	uid=$(awk '/^Uid:/ { print $2 }' "/proc/$1/status")
	setpriv --reuid "$uid" --regid "$uid" --clear-groups head -c 1 "/proc/$1/maps" 2> /dev/null | wc -c
}
