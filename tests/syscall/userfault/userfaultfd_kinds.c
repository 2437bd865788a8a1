/* SPDX-License-Identifier: MIT */
/*
 * userfaultfd_kinds: each ioctl of userfaultfd(2) on private memory, shared memory and a private
 * mapping of it; events; races of threads that touch pages with threads that drop them. With
 * "huge", as root and with no other user of huge pages: the same tests on huge pages
 * (tests/mm/uffd-huge).
 */
#include "recorded.h"
#include "uffd_area.h"

/* huge pages, twice as many as are needed at a time */
#define POOL 12

static void errors(void)
{
	char *half = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	watch(area, N * size, 0);
	watch(area, N * size, 8);
	watch(area + size / 2, size, MISSING);
	watch(area, size / 2, MISSING);
	watch(area, size + size / 2, MISSING);
	copy(area, source, size, 0);
	watch(area, N * size, MISSING);
	copy(area, source, size / 2, 0);
	copy(area + size / 2, source, size, 0);
	copy(area + 1, source, size, 0);
	copy(area, source, 0, 0);
	copy(area + (N - 1) * size, source, 2 * size, 0);
	copy(area, source, size, UFFDIO_COPY_MODE_WP);
	copy(area, source, size, 4);
	copy(area, NULL, size, 0);
	if (huge() && !munmap(half + size / 2, size / 2))
		copy(area, half, size, 0);
	zero(area, size);
	go_on(area, size, 0);
	go_on(area, size / 2, 0);
	go_on(area, size, UFFDIO_CONTINUE_MODE_WP);
	poison(area, size / 2);
	poison(area + size / 2, size);
	protect(area, size, UFFDIO_WRITEPROTECT_MODE_WP);
	unwatch(area + size / 2, size);
	unwatch(area, size / 2);
	unwatch(area, size);
	copy(area, source, size, 0);
	munmap(half, size);
	show_pool("after errors");
	unwatch(area, N * size);
}

static void missing(bool shared)
{
	struct touching t;

	watch(area, N * size, MISSING);
	begin(&t, area + 5, -1);
	copy(area, source, size, 0);
	end(&t);
	begin(&t, area + size + 3 * size / 4, 'w');
	copy(area + size, source, size, DONTWAKE);
	wake(area + size, size);
	end(&t);
	touch("beside", area + size + size / 2 + 9, -1);
	copy(area, source, size, 0);
	copy(area + 2 * size, source, 2 * size, 0);
	copy(area + size, source, 2 * size, 0);
	touch("the last", area + 4 * size - 1, -1);
	silent("all there");
	show_pool("all there");
	say("dontneed: %d", madvise(area + size, size, MADV_DONTNEED));
	if (shared) { /* the file has it still */
		copy(area + size, source, size, 0);
		touch("again", area + size, -1);
	} else {
		begin(&t, area + size, 'a');
		copy(area + size, source + size, size, 0);
		end(&t);
	}
	if (!fork()) {
		touch("child", area, 'c');
		_exit(0);
	}
	wait(NULL);
	touch("parent", area, -1);
	touch("parent", area, 'p');
	unwatch(area, N * size);
}

static void lost(bool shared)
{
	struct touching t;
	int ends[2];

	need(!madvise(area, N * size, MADV_DONTNEED), "dontneed");
	watch(area, N * size, MISSING | WP);
	poison(area, size);
	poison(area + size, 2 * size);
	poison(area, size);
	touch("lost", area + 7, -1);
	touch("lost", area + size + 7, 1);
	need(!pipe(ends), "pipe");
	say("write(2): %s", write(ends[1], area, 8) < 0 ? t_errno(errno) : "ok");
	if (!fork()) {
		touch("child", area, 'c');
		_exit(0);
	}
	wait(NULL);
	copy(area, source, size, 0);
	touch("filled", area, -1);
	if (!huge() && !shared) {
		zero(area + size, size);
		need(!madvise(area + 2 * size, size, GUARD_INSTALL), "guard");
		zero(area + 2 * size, size);
		touch("a guard", area + 2 * size, -1);
		copy(area + 2 * size, source, size, 0);
		touch("no guard", area + 2 * size, -1);
	}
	protect(area, N * size, UFFDIO_WRITEPROTECT_MODE_WP);
	poison(area + 3 * size, size);
	touch("still lost", area + size, -1);
	protect(area, N * size, 0);
	say("dontneed: %d", madvise(area + 2 * size, 2 * size, MADV_DONTNEED));
	begin(&t, area + 2 * size, 1);
	poison(area + 2 * size, size);
	end(&t);
	begin(&t, area + 3 * size, 1);
	copy(area + 3 * size, source, size, 0);
	end(&t);
	close(ends[0]);
	close(ends[1]);
	unwatch(area, N * size);
	touch("nobody watches", area + 2 * size, 1);
}

static void protected(void)
{
	struct touching t;

	need(!madvise(area, N * size, MADV_DONTNEED), "dontneed");
	watch(area, N * size, MISSING | WP);
	copy(area, source, size, UFFDIO_COPY_MODE_WP);
	touch("read", area, -1);
	begin(&t, area + size / 2, 'w');
	protect(area, size, 0);
	end(&t);
	protect(area + size, size, UFFDIO_WRITEPROTECT_MODE_WP);
	copy(area + size, source, size, 0);
	touch("not protected any more", area + size, 'n');
	protect(area + 2 * size, size, UFFDIO_WRITEPROTECT_MODE_WP);
	begin(&t, area + 2 * size, 'm');
	copy(area + 2 * size, source, size, UFFDIO_COPY_MODE_WP | DONTWAKE);
	wake(area + 2 * size, size);
	next_message("then");
	protect(area + 2 * size, size, 0);
	end(&t);
	unwatch(area, N * size);
}

/* Touches pages that the file has and this mapping has not. */
static void minor(char *other)
{
	struct touching t;

	need(!madvise(area, N * size, MADV_DONTNEED), "dontneed");
	other[0] = 'f';
	other[size] = 'f';
	watch(area, N * size, MINOR);
	begin(&t, area, -1);
	go_on(area + size / 2, size, 0);
	go_on(area, size, 4);
	copy(area, source, size, 0);
	go_on(area, size, 0);
	end(&t);
	go_on(area, size, 0);
	begin(&t, area + size, 'm');
	go_on(area + size, size, DONTWAKE);
	wake(area + size, size);
	end(&t);
	say("file: %d", other[size]);
	go_on(area, size, UFFDIO_CONTINUE_MODE_WP);
	unwatch(area, N * size);
	need(!madvise(area, N * size, MADV_DONTNEED), "dontneed");
	watch(area, N * size, MINOR | WP);
	begin(&t, area, 'p');
	go_on(area, size, UFFDIO_CONTINUE_MODE_WP | DONTWAKE);
	touch("protected", area, -1);
	wake(area, size);
	next_message("then");
	protect(area, size, 0);
	end(&t);
	say("file: %d", other[0]);
	poison(area + size, size);
	go_on(area + size, size, 0);
	touch("continued", area + size, -1);
	unwatch(area, N * size);
}

/* Tests holes, the end of the file, and pages that another mapping touches. */
static void files(int m, char *other)
{
	struct touching t;
	char byte;

	need(!fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, N * size), "punch");
	watch(area, N * size, MISSING | MINOR);
	go_on(area, size, 0);
	begin(&t, area, 1);
	copy(area, source, size, 0);
	end(&t);
	say("other: %d %d", other[0], other[1]);
	other[size] = 'o';
	copy(area + size, source, size, 0);
	begin(&t, area + size, -1);
	go_on(area + size, size, 0);
	end(&t);
	say("read: %zd", pread(m, &byte, 1, 2 * size));
	begin(&t, area + 2 * size, -1);
	copy(area + 2 * size, source, size, 0);
	end(&t);
	need(!fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2 * size, size), "punch");
	begin(&t, area + 2 * size, -1);
	poison(area + 2 * size, size);
	end(&t);
	need(!ftruncate(m, 3 * size), "truncate");
	touch("beyond the end", area + 3 * size, 1);
	copy(area + 3 * size, source, size, 0);
	go_on(area + 3 * size, size, 0);
	need(!ftruncate(m, 2 * size) && !ftruncate(m, 4 * size), "truncate");
	begin(&t, area + 2 * size, -1);
	copy(area + 2 * size, source, size, 0);
	end(&t);
	unwatch(area, N * size);
	show_pool("with a file");
}

/* ---- events ---- */

static volatile int stop;
static char heard[1024];

static void tell(const char *format, ...)
{
	size_t n = strlen(heard);
	va_list ap;

	va_start(ap, format);
	vsnprintf(heard + n, sizeof(heard) - n, format, ap);
	va_end(ap);
}

static void *hear(void *arg)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	struct uffd_msg m;
	int *child = arg;

	while (poll(&pfd, 1, 10) == 1 || !stop) {
		if (!pfd.revents)
			continue;
		if (read(fd, &m, sizeof(m)) != sizeof(m))
			tell("read: %s; ", t_errno(errno));
		else if (m.event == UFFD_EVENT_FORK)
			tell("forked; "), *child = (int)m.arg.fork.ufd;
		else if (m.event == UFFD_EVENT_REMAP)
			tell("remap %g, %g; ", (double)((long)m.arg.remap.from - (long)area) / size,
				(double)m.arg.remap.len / size);
		else
			tell("event %x, %g to %g; ", m.event,
				(double)((long)m.arg.remove.start - (long)area) / size,
				(double)((long)m.arg.remove.end - (long)area) / size);
	}
	return NULL;
}

static void events(bool moves)
{
	int child = -1, status;
	struct pollfd pfd = { 0, POLLIN, 0 };
	struct uffd_msg m;
	pthread_t t;
	char *p;
	pid_t pid;

	open_fd(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP | UFFD_FEATURE_EVENT_REMOVE |
		UFFD_FEATURE_EVENT_UNMAP);
	need(!madvise(area, N * size, MADV_DONTNEED), "dontneed");
	watch(area, N * size, MISSING | WP);
	copy(area, source, 2 * size, 0);
	stop = heard[0] = 0;
	need(!pthread_create(&t, NULL, hear, &child), "thread");
	say("dontneed %d", madvise(area, size + size / 2, MADV_DONTNEED));
	say("dontneed %d", madvise(area + size / 2, size, MADV_DONTNEED));
	say("dontneed %d", madvise(area, size / 2, MADV_DONTNEED));
	say("unmap %d", munmap(area + 3 * size, size));
	say("fork");
	pid = fork();
	if (!pid)
		_exit(*(volatile char *)(area + 2 * size));
	/* of promised huge pages Linux 6.18 loses count */
	if (moves) {
		p = mremap(area + size, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, area + 3 * size);
		say("remap %g", p == MAP_FAILED ? -1.0 : (double)(p - area) / size);
	}
	stop = 1;
	pthread_join(t, NULL);
	say("heard: %s", heard);
	pfd.fd = child;
	if (child >= 0 && poll(&pfd, 1, 100000) == 1 && read(child, &m, sizeof(m)) == sizeof(m)) {
		int own = fd;

		say("child's event %x, flags %lld", m.event, (long long)m.arg.pagefault.flags);
		fd = child;
		copy(area + 2 * size, source, size, 0);
		fd = own;
	}
	close(child);
	waitpid(pid, &status, 0);
	say("child: %d", WEXITSTATUS(status));
	close(fd);
	fd = -1;
}

/* ---- races ---- */

static void *touches(void *arg)
{
	while (!stop)
		for (int i = 0; i < N; i++) {
			if (!sigsetjmp(out, 1)) {
				char c = *(volatile char *)(area + i * size + 17);

				if (c != 0 && c != 's')
					say("%d", c);
			}
		}
	return arg;
}

static void *handles(void *arg)
{
	struct pollfd pfd = { fd, POLLIN, 0 };
	struct uffd_msg m;
	int on = fd;

	while (!stop) {
		if (poll(&pfd, 1, 10) != 1 || read(on, &m, sizeof(m)) != sizeof(m) ||
			m.event != UFFD_EVENT_PAGEFAULT)
			continue;
		struct uffdio_copy c = { m.arg.pagefault.address, (uintptr_t)source, size, 0, 0 };
		struct uffdio_continue go = { { m.arg.pagefault.address, size }, 0, 0 };
		struct uffdio_range r = { m.arg.pagefault.address, size };

		if (m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR)
			ioctl(on, UFFDIO_CONTINUE, &go);
		else if (!ioctl(on, UFFDIO_COPY, &c))
			continue;
		ioctl(on, UFFDIO_WAKE, &r);
	}
	return arg;
}

/* Runs two threads that touch, two that handle, and @disturb beside them. */
static void race(const char *what, int m, int mode, void (*disturb)(int m, int round))
{
	pthread_t t[4];
	struct uffdio_register r;

	open_fd(0);
	area = m < 0 ? map_private() : map_file(m, MAP_SHARED);
	r = (struct uffdio_register){ { (uintptr_t)area, N * size }, mode, 0 };
	need(!ioctl(fd, UFFDIO_REGISTER, &r), "register");
	stop = 0;
	for (int i = 0; i < 4; i++)
		need(!pthread_create(&t[i], NULL, i < 2 ? touches : handles, NULL), "thread");
	for (int i = 0; i < 60; i++)
		disturb(m, i);
	usleep(20000);
	r.range = (struct uffdio_range){ (uintptr_t)area, N * size };
	stop = 1;
	ioctl(fd, UFFDIO_UNREGISTER, &r.range);
	close(fd);
	fd = -1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	munmap(area, N * size);
	say("%s: done", what);
}

static void drops(int m, int round)
{
	madvise(area + round % N * size, size, MADV_DONTNEED);
}

static void punches(int m, int round)
{
	fallocate(m, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, round % N * size, size);
}

static void cuts(int m, int round)
{
	need(!ftruncate(m, round % 2 ? N * size : size), "truncate");
}

static void forks(int m, int round)
{
	pid_t pid;

	if (round % 4)
		return;
	madvise(area, N * size, MADV_DONTNEED);
	pid = fork();
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void unwatches(int m, int round)
{
	struct uffdio_range r = { (uintptr_t)area, N * size };
	struct uffdio_register g = { r, MISSING, 0 };

	madvise(area, N * size, MADV_DONTNEED);
	ioctl(fd, UFFDIO_UNREGISTER, &r);
	ioctl(fd, UFFDIO_REGISTER, &g);
}

static void maps_anew(int m, int round)
{
	char *p = area + round % N * size;
	struct uffdio_register g = { { (uintptr_t)p, size }, MISSING, 0 };

	if (mmap(p, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (huge() ? MAP_HUGETLB : 0),
		    -1, 0) != p)
		say("mmap: %s", t_errno(errno));
	ioctl(fd, UFFDIO_REGISTER, &g);
}

static void poisons(int m, int round)
{
	struct poison a = { { (uintptr_t)area + round % N * size, size }, 0, 0 };

	madvise(area + round % N * size, size, MADV_DONTNEED);
	ioctl(fd, POISON, &a);
}

static void races(void)
{
	int m = file();

	race("drops", -1, MISSING, drops);
	race("drops of a file's", m, MISSING | MINOR, drops);
	race("holes", m, MISSING | MINOR, punches);
	race("cuts", m, MISSING, cuts);
	race("forks", -1, MISSING, forks);
	race("unregistered", -1, MISSING, unwatches);
	race("mapped anew", -1, MISSING, maps_anew);
	race("poison", -1, MISSING, poisons);
	close(m);
}

/* ---- kinds ---- */

static void private_memory(void)
{
	say("--- private");
	open_fd(0);
	area = map_private();
	show_pool("promised");
	errors();
	need(!madvise(area, N * size, MADV_DONTNEED), "dontneed");
	missing(false);
	lost(false);
	protected();
	events(!huge());
	munmap(area, N * size);
	show_pool("private memory gone");
}

static void empty(int m)
{
	need(!ftruncate(m, 0) && !ftruncate(m, N * size), "truncate");
}

static void shared_memory(int m)
{
	say("--- shared");
	open_fd(0);
	area = map_file(m, MAP_SHARED);
	errors();
	empty(m);
	missing(true);
	empty(m);
	lost(true);
	empty(m);
	protected();
	minor(other_view);
	files(m, other_view);
	empty(m);
	events(true);
	munmap(area, N * size);
}

static void private_of_shared(int m)
{
	say("--- private, of a file");
	open_fd(0);
	empty(m);
	area = map_file(m, MAP_PRIVATE);
	errors();
	minor(other_view);
	munmap(area, N * size);
}

static void set_pool(int n)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");

	need(f && fprintf(f, "%d", n) > 0 && !fclose(f), "pool");
}

static const char expected[] =
#include "userfaultfd_kinds.inc"
	;

TEST(userfaultfd_kinds)
{
	struct sigaction sa = { .sa_sigaction = caught, .sa_flags = SA_SIGINFO };
	int m;

	if (t_argc > 1)
		size = 2 << 20;
	else if (older_than(6, 15) ||
		 (older_than(1000, 0) && close((int)syscall(SYS_userfaultfd, O_CLOEXEC))))
		RECORDED(expected);
	if (huge())
		set_pool(POOL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	source = mmap(NULL, 2 * size, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(source, 's', 2 * size);
	private_memory();
	m = file();
	other_view = map_file(m, MAP_SHARED);
	shared_memory(m);
	private_of_shared(m);
	munmap(other_view, N * size);
	close(m);
	close(fd);
	fd = -1;
	show_pool("all gone");
	races();
	show_pool("after races");
	if (huge())
		set_pool(0);
	show_pool("no pool");
}
