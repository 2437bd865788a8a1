# SPDX-License-Identifier: MIT
# workload.sh: in a busybox guest; the file system under test is mounted on /mnt. $1: how many
# rounds.
cd /mnt || exit 1
rounds=$1
storm() { # files come, change their names, and go
	mkdir -p d$1/sub
	for i in $(seq 1 150); do
		echo "content $i" >d$1/file-number-$i-with-a-name-that-takes-space
		[ $((i % 3)) = 0 ] && mv d$1/file-number-$i-with-a-name-that-takes-space d$1/sub/moved-$i
		[ $((i % 5)) = 0 ] && rm -f d$1/file-number-$((i - 1))-with-a-name-that-takes-space
		[ $((i % 7)) = 0 ] && ln d$1/file-number-$((i - 2))-with-a-name-that-takes-space d$1/hard-$i 2>/dev/null
		[ $((i % 11)) = 0 ] && ln -s /a/target/that/is/longer/than/the/sixty/bytes/that/fit/into/an/inode/itself/$i d$1/long-$i
		[ $((i % 13)) = 0 ] && ln -s short d$1/short-$i
	done
	rm -rf d$(($1 - 2))
}
sizes() { # files that grow, shrink, have holes
	dd if=/dev/urandom of=big$1 bs=64k count=40 2>/dev/null
	truncate -s 1000001 big$1
	dd if=/dev/zero of=big$1 bs=1k seek=4000 count=3 conv=notrunc 2>/dev/null
	truncate -s 5000000000 sparse$1
	echo end >>sparse$1
	dd if=/dev/urandom of=sparse$1 bs=1k seek=1000000 count=1 conv=notrunc 2>/dev/null
	truncate -s 4000000000 sparse$1
	rm -f big$(($1 - 2)) sparse$(($1 - 1))
}
for r in $(seq 1 $rounds); do
	storm $r
	sizes $r
	cp -a d$r copy$r
	rm -rf copy$(($1 - 1))
done
mkdir deep && cd deep && for i in $(seq 1 40); do mkdir x && cd x; done
cd /mnt
mv deep/x shallow
find . -type f -size -100k ! -name sum | sort | xargs md5sum | md5sum >/mnt/sum
