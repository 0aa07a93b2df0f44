#!/bin/sh
# Gathers in the folder given what an image wants of Debian: the C and C++ libraries that our programs and libtorch are linked
# to, with their licences and entries of the package list, by which scanners see what is inside; and who runs it.
set -eu
out=$1
libraries=usr/lib/x86_64-linux-gnu
packages="libc6 libgcc-s1 libstdc++6 zlib1g ca-certificates"

mkdir -p "$out/etc/ssl/certs" "$out/$libraries" "$out/usr/lib64" "$out/usr/share/doc" "$out/var/lib/dpkg/status.d"
ln -s usr/lib "$out/lib"
ln -s usr/lib64 "$out/lib64"
for name in ld-linux-x86-64.so.2 libc.so.6 libdl.so.2 libm.so.6 libpthread.so.0 librt.so.1 libutil.so.1 libgcc_s.so.1 \
    libstdc++.so.6 libz.so.1; do
    cp --dereference "/$libraries/$name" "$out/$libraries/"
done
# Programs name the loader by this path.
ln -s ../lib/x86_64-linux-gnu/ld-linux-x86-64.so.2 "$out/usr/lib64/ld-linux-x86-64.so.2"

for package in $packages; do
    dpkg-query --status "$package" >"$out/var/lib/dpkg/status.d/$package"
    mkdir -p "$out/usr/share/doc/$package"
    cp --dereference "/usr/share/doc/$package/copyright" "$out/usr/share/doc/$package/"
done
# For S3 and for traces over TLS: those of the package, and not what the machine that builds has added or mounted.
cat /usr/share/ca-certificates/mozilla/*.crt >"$out/etc/ssl/certs/ca-certificates.crt"
# NVIDIA's container runtime puts the driver where a Debian looks for it if this file says that it is one.
cp --dereference /etc/debian_version /etc/os-release "$out/etc/"

echo 'root:x:0:0:root:/:/sbin/nologin
lungfield:x:65532:65532:lungfield:/:/sbin/nologin' >"$out/etc/passwd"
echo 'root:x:0:
lungfield:x:65532:' >"$out/etc/group"
echo 'hosts: files dns' >"$out/etc/nsswitch.conf"
