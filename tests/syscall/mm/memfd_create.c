/* SPDX-License-Identifier: MIT */
/* memfd_create(2): an anonymous file, its flags, its seals. */
#include "t.h"

TEST(memfd_create)
{
	char buf[16], link[64], name[300], *p;
	struct stat st;
	int fd, n;

	fd = OK(memfd_create("thing", MFD_CLOEXEC));
	T(fcntl(fd, F_GETFD));
	T(fcntl(fd, F_GETFL) & ~0100000);
	NEED(fstat(fd, &st));
	say("%s %04o size %ld links %d", t_type(st.st_mode), st.st_mode & 07777, (long)st.st_size,
		(int)st.st_nlink);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = NEED(readlink(link, name, sizeof(name)));
	say("%.*s", n, name);
	T(write(fd, "hello", 5));
	T(pread(fd, buf, 16, 0));
	T(ftruncate(fd, 4096));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	say("%s", p);
	T(fcntl(fd, F_GET_SEALS));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));

	fd = NEED(memfd_create("sealed", MFD_ALLOW_SEALING));
	NEED(write(fd, "0123456789", 10));
	T(fcntl(fd, F_GET_SEALS));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	T(ftruncate(fd, 5));
	T(ftruncate(fd, 20));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	T(ftruncate(fd, 30));
	T(pwrite(fd, "x", 1, 25));
	T(pwrite(fd, "x", 1, 5));
	T(fallocate(fd, 0, 0, 30));
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 30));
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 20));
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	NEED(munmap(p, 4096));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	T(pwrite(fd, "x", 1, 5));
	T(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? errno : 0);
	T(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0);
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	T(fcntl(fd, F_GET_SEALS));
	T(fcntl(fd, F_ADD_SEALS, 0x1000));
	t_text("f", "");
	T(fcntl(NEED(open("f", O_RDONLY)), F_ADD_SEALS, F_SEAL_WRITE) == -1);
	memset(name, 'n', sizeof(name));
	name[250] = 0;
	T(memfd_create(name, 0));
	name[249] = 0;
	OK(memfd_create(name, 0));
	OK(memfd_create("", 0));
	T(memfd_create("x", 0x1000));
	T(memfd_create(BAD, 0));
}

/* A reservation counts against the limit of a file's size, also if it keeps the size. */
TEST(memfd_limit)
{
	struct rlimit lim = { 8192, 8192 };
	int fd = NEED(memfd_create("m", 0));

	t_handle(SIGXFSZ, 0);
	NEED(setrlimit(RLIMIT_FSIZE, &lim));
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8192));
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 8193));
	say("signals %d", t_signals);
	T(fallocate(fd, 0, 4096, 8192));
	say("signals %d", t_signals);
}
