# shellcheck shell=bash
# BACKENDS all
# Images: made, imported, refused, listed, removed; and sessions that run in them.

# The store is on a file system of its own, as large as images are.
image_host() {
	[ -z "${KV_BASELINE:-}" ] || skip "only the bare shell is here"
	local program
	for program in "$@"; do
		command -v "$program" > /dev/null || skip "$program is not installed"
	done
	host_up
}

images=/var/lib/kavach/images

# flip FILE OFFSET: makes that byte another one, whatever it was.
flip() {
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\$(printf %03o $((byte ^ 0xff)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# An OCI layout at /tmp/oci, tag one, with a file of /bin/ls, setuid.
image_layout() {
	umoci init --layout /tmp/oci || fail "umoci init"
	umoci new --image /tmp/oci:one || fail "umoci new"
	mkdir -p /tmp/tree/bin /tmp/tree/etc
	cp /bin/ls /tmp/tree/bin/ls
	chmod 6777 /tmp/tree/bin/ls
	echo imported > /tmp/tree/etc/mark
	umoci insert --image /tmp/oci:one /tmp/tree / > /dev/null || fail "umoci insert"
}

# CASE import timeout=300: an imported image is root's, without setuid bits; list, show and remove know it
case_import() {
	image_host skopeo umoci
	image_layout
	kavachctl image import one oci:/tmp/oci:one || fail "import"
	eq "mode" 755 "$(stat -c %a $images/one/rootfs/bin/ls)"
	eq "owner" 0:0 "$(stat -c %u:%g $images/one/rootfs/bin/ls)"
	eq "store" 700 "$(stat -c %a $images)"
	eq "mark" imported "$(cat $images/one/rootfs/etc/mark)"
	kavachctl image list | grep -q '^one .*oci' || fail "not listed"
	kavachctl image list --json | grep -q '"image": *"one"' || fail "not listed as JSON"
	kavachctl image show one | grep -q 'oci:/tmp/oci:one' || fail "not shown"
	kavachctl image import one oci:/tmp/oci:one && fail "a second of this name"
	kavachctl image remove one || fail "remove"
	kavachctl image remove one && fail "removed twice"
	kavachctl image show one && fail "shown when removed"
	eq "left" '' "$(ls -A $images)"
}

# CASE import_tampered timeout=300: a layer that is not what its digest says is refused, and nothing is left
case_import_tampered() {
	image_host skopeo umoci
	image_layout
	local blob
	blob=$(find /tmp/oci/blobs -type f -printf '%s %p\n' | sort -n | tail -n 1 | cut -d' ' -f2)
	flip "$blob" 2000
	kavachctl image import bad oci:/tmp/oci:one && fail "imported"
	eq "left" '' "$(ls -A $images)"
}

# CASE import_device timeout=300: a device in an image is refused, and nothing is left; no name leaves the store
case_import_device() {
	image_host skopeo umoci
	image_layout
	mkdir -p /tmp/dev
	mknod /tmp/dev/null2 c 1 3 || skip "no device can be made here"
	umoci insert --image /tmp/oci:one /tmp/dev /dev > /dev/null || fail "umoci insert"
	kavachctl image import bad oci:/tmp/oci:one && fail "imported"
	eq "left" '' "$(ls -A $images)"
	kavachctl image import ../bad oci:/tmp/oci:one && fail "a name with a slash"
	kavachctl image import .bad oci:/tmp/oci:one && fail "a name with a dot"
	[ ! -e /var/lib/kavach/bad ] || fail "made outside"
}

# CASE build timeout=600: an image is built, twice the same, proves its tier, and loses it when it is changed
case_build() {
	image_host mksquashfs veritysetup
	kavachctl image build sy-agnos --policy strict || fail "build"
	kavachctl image show sy-agnos | grep -q 'Proves: *dmverity' || fail "$(kavachctl image show sy-agnos)"
	veritysetup verify $images/sy-agnos/root.squashfs $images/sy-agnos/root.verity "$(cat $images/sy-agnos/roothash)" ||
		fail "veritysetup does not agree"
	kavachctl image build sy-agnos --policy strict --output /tmp/again || fail "build elsewhere"
	cmp $images/sy-agnos/root.squashfs /tmp/again/root.squashfs || fail "not the same twice"
	cmp $images/sy-agnos/roothash /tmp/again/roothash || fail "not the same root hash"
	unsquashfs -q -n -d /tmp/root $images/sy-agnos/root.squashfs > /dev/null || fail "unsquashfs"
	[ -z "$(find /tmp/root -perm /6000)" ] || fail "setuid: $(find /tmp/root -perm /6000)"
	[ ! -e /tmp/root/usr/bin/dpkg ] || fail "a package manager"
	eq "release" 'name=sy-agnos tier=dmverity' "$(grep -v version= /tmp/root/etc/sy-agnos-release | tr '\n' ' ' | sed 's/ $//')"
	grep -q defaultAction /tmp/root/etc/sy-agnos/seccomp.json || fail "no seccomp profile"
	flip $images/sy-agnos/root.verity 9000
	[[ $(kavachctl image show sy-agnos) =~ Proves:\ *minimal ]] || fail "a broken hash tree counts: $(kavachctl image show sy-agnos)"
	flip $images/sy-agnos/root.squashfs 90000
	kavachctl image show sy-agnos && fail "a changed root counts"
	kavachctl backends | grep '^sy-agnos ' | grep -q ' no ' || fail "a changed root is available"
}

# CASE login timeout=600: a login runs in the sy-agnos image, which goes with it; a tier that is not proven refuses
case_login() {
	image_host mksquashfs veritysetup podman crun
	kavachctl image build sy-agnos || fail "build"
	host_policy_for ann 'backend = sy-agnos' 'image_tier = dmverity'
	ssh ann@kv 'cat /etc/sy-agnos-release' > /tmp/release 2> /tmp/why || fail "login: $(tail -n 3 /tmp/why)"
	grep -qx name=sy-agnos /tmp/release || fail "not in the image: $(cat /tmp/release)"
	[ "$(ssh ann@kv 'id -un; echo x > ~/made; cat ~/made; exit 3'; echo $?)" = "$(printf 'ann\nx\n3')" ] || fail "not itself inside"
	ssh ann@kv 'touch /usr/x' 2> /dev/null && fail "the root can be written"
	ssh ann@kv 'ls /usr/bin/dpkg' 2> /dev/null && fail "a package manager"
	must_be_clean
	! losetup -a | grep root.squashfs || fail "a loop device is left: $(losetup -a)"
	mkdir -p /etc/kavach/credentials.d
	(umask 077; echo value > /root/key; printf '[credential %s]\nfile = /root/key\n%s\n' f 'as_file = key' v 'variable = V' \
	    i 'stdin = yes' > /etc/kavach/credentials.d/c.conf)
	host_policy_for ann 'backend = sy-agnos' 'image_tier = dmverity' 'credentials = f, v, i'
	eq "credentials" 'value value value' "$(ssh ann@kv 'echo "$(cat /run/credentials/key) $V $(cat)"')"
	must_be_clean
	host_policy_for ann 'backend = sy-agnos' 'image_tier = tpm_measured'
	ssh ann@kv true 2> /dev/null && fail "a tier that is not proven is let in"
	must_be_clean
}

# CASE login_folder timeout=600: a login runs in rootfs = /DIR and in an imported image; a folder that others can write refuses
case_login_folder() {
	image_host skopeo umoci crun
	mkdir -p /srv/root/etc
	/usr/libexec/kavach/kavach-image-tree /srv/root || fail "a tree"
	echo folder > /srv/root/etc/mark
	host_policy_for ann 'backend = oci' 'rootfs = /srv/root'
	eq "mark" folder "$(ssh ann@kv 'cat /etc/mark')"
	eq "itself" ann "$(ssh ann@kv 'id -un')"
	ssh ann@kv 'touch /usr/x' 2> /dev/null && fail "the root can be written"
	must_be_clean
	chmod 777 /srv/root
	ssh ann@kv true 2> /dev/null && fail "a folder that others can write"
	chmod 755 /srv/root
	umoci init --layout /tmp/oci
	umoci new --image /tmp/oci:one
	echo imported > /srv/root/etc/mark
	cp -r /srv/root /srv/copy
	umoci insert --image /tmp/oci:one /srv/copy / > /dev/null || fail "umoci insert"
	kavachctl image import one oci:/tmp/oci:one || fail "import"
	host_policy_for ann 'backend = oci' 'image = one'
	eq "mark" imported "$(ssh ann@kv 'cat /etc/mark')"
	must_be_clean
	host_policy_for ann 'backend = sy-agnos' 'image = one'
	ssh ann@kv true 2> /dev/null && fail "sy-agnos runs what proves nothing"
	host_policy_for ann 'backend = oci' 'image = absent'
	ssh ann@kv true 2> /dev/null && fail "an image that is not there"
	must_be_clean
}
