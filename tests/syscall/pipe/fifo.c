/* SPDX-License-Identifier: MIT */
/*
 * fifo: opening a named pipe: which opens wait for which, ENXIO, O_RDWR, end of file, several
 * writers.
 */
#include "t.h"

TEST(fifo)
{
	int r, w, w2, rw;
	pid_t pid;
	char buf[16];

	NEED(mkfifo("p", 0600));
	T(open("p", O_WRONLY | O_NONBLOCK));
	r = OK(open("p", O_RDONLY | O_NONBLOCK));
	T(read(r, buf, 1)); /* no writer: end of file */
	w = OK(open("p", O_WRONLY | O_NONBLOCK));
	T(read(r, buf, 1));
	T(write(w, "abc", 3));
	T(read(r, buf, 10));
	w2 = NEED(open("p", O_WRONLY));
	close(w);
	T(read(r, buf, 1));
	close(w2);
	T(read(r, buf, 1));
	T(lseek(r, 0, SEEK_SET));
	close(r);
	rw = OK(open("p", O_RDWR));
	T(write(rw, "xy", 2));
	T(read(rw, buf, 2));
	close(rw);

	/* each waits for the other */
	pid = SPAWN({
		int fd = NEED(open("p", O_RDONLY));
		int n = read(fd, buf, sizeof(buf));

		say("child got %d", n);
	});
	t_until(pid, 'S');
	w = NEED(open("p", O_WRONLY));
	NEED(write(w, "hello", 5));
	t_wait("reader", pid);
	signal(SIGPIPE, SIG_IGN);
	T(write(w, "x", 1));
	close(w);
	pid = SPAWN({
		int fd = NEED(open("p", O_WRONLY));

		NEED(write(fd, "data", 4));
	});
	t_until(pid, 'S');
	r = NEED(open("p", O_RDONLY));
	T(read(r, buf, sizeof(buf)));
	t_wait("writer", pid);
	T(read(r, buf, sizeof(buf)));
	close(r);
	CHILD({
		t_handle(SIGALRM, 0);
		t_alarm_asleep();
		T(open("p", O_RDONLY));
		t_alarm_asleep();
		T(open("p", O_WRONLY));
	});
	CHILD({ /* SA_RESTART: open() is restarted */
		pid_t me = getpid();

		t_handle(SIGUSR1, SA_RESTART);
		SPAWN({
			t_until(me, 'S');
			kill(me, SIGUSR1);
			sleep_ms(50);
			NEED(open("p", O_WRONLY));
		});
		OK(open("p", O_RDONLY));
		say("signals %d", t_signals);
	});
}
