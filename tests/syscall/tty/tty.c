/* SPDX-License-Identifier: MIT */
/*
 * Pseudo terminals: opening, line discipline, signals by keys, sessions, job control, window sizes,
 * hang-up.
 */
#include "t.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master;
static char name[64];

static void open_pair(void)
{
	int n, zero = 0;

	master = NEED(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	NEED(ioctl(master, TIOCSPTLCK, &zero));
	NEED(ioctl(master, TIOCGPTN, &n));
	snprintf(name, sizeof(name), "/dev/pts/%d", n);
}

static void shown(const char *what, int fd)
{
	char buf[256], text[600] = "";
	int n, i;

	sleep_ms(10);
	n = read(fd, buf, sizeof(buf));
	if (n == -1) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	for (i = 0; i < n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			buf[i] < ' ' || buf[i] == 127 ? "\\%03o" : "%c", (unsigned char)buf[i]);
	say("%s: %d %s", what, n, text);
}

static void type(const char *keys)
{
	NEED(write(master, keys, strlen(keys)));
	sleep_ms(10); /* Linux hands it over in a thread */
}

static void settings(int s)
{
	struct termios t;
	struct winsize ws = { 24, 80, 0, 0 };

	T(tcgetattr(s, &t));
	say("canonical %d echo %d isig %d icrnl %d onlcr %d speed %d", !!(t.c_lflag & ICANON),
		!!(t.c_lflag & ECHO), !!(t.c_lflag & ISIG), !!(t.c_iflag & ICRNL),
		!!(t.c_oflag & ONLCR), cfgetospeed(&t) == B38400);
	say("keys %#x %#x %#x %#x", t.c_cc[VINTR], t.c_cc[VEOF], t.c_cc[VERASE], t.c_cc[VSUSP]);
	T(ioctl(s, TIOCSWINSZ, &ws));
	memset(&ws, 0, sizeof(ws));
	T(ioctl(master, TIOCGWINSZ, &ws));
	say("%d x %d", ws.ws_row, ws.ws_col);
	T(isatty(s));
	T(isatty(master));
}

static void lines(int s)
{
	struct termios t;
	char c;
	int n;

	fcntl(s, F_SETFL, O_NONBLOCK);
	fcntl(master, F_SETFL, O_NONBLOCK);
	type("abc");
	T(read(s, &c, 1)); /* no line yet */
	type("\177d\r");
	T(ioctl(s, FIONREAD, &n));
	say("%d", n);
	shown("line", s);
	shown("echo", master);
	type("word more\025kill\027end\n");
	shown("line", s);
	shown("echo", master);
	type("eof\004");
	shown("without newline", s);
	type("\004");
	shown("end of file", s);
	shown("echo", master);
	type("two\nlines\n");
	shown("one at a time", s);
	shown("the other", s);
	shown("echo", master);
	NEED(write(s, "out\n", 4));
	shown("output", master);
	type("\026\003x\n"); /* literal next */
	shown("quoted", s);
	shown("echo", master);
	NEED(tcgetattr(s, &t));
	t.c_lflag &= ~(ICANON | ECHO);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	T(tcsetattr(s, TCSANOW, &t));
	type("raw\r");
	shown("raw", s);
	shown("no echo", master);
	t.c_iflag &= ~ICRNL;
	t.c_oflag &= ~OPOST;
	NEED(tcsetattr(s, TCSANOW, &t));
	type("r\r");
	shown("untranslated", s);
	NEED(write(s, "a\nb", 3));
	shown("unprocessed", master);
	fcntl(s, F_SETFL, 0);
	t.c_cc[VMIN] = 0;
	t.c_cc[VTIME] = 1;
	NEED(tcsetattr(s, TCSANOW, &t));
	shown("after a tenth of a second", s);
	type("flushed");
	T(tcflush(s, TCIFLUSH));
	shown("flushed", s);
	fcntl(master, F_SETFL, 0);
}

static void *keys(void *arg)
{
	t_until(getpid(), 'S'); /* it reads */
	type(arg);
	return NULL;
}

static void control(void)
{
	char said[8];
	int told[2], n = 0, r;

	NEED(pipe(told));
	CHILD({
		pthread_t t;
		int s;
		char c;
		sigset_t set;

		setsid();
		s = NEED(open(name, O_RDWR)); /* becomes the controlling one */
		say("controlling: %d, group %d", tcgetsid(s) == getpid(),
			tcgetpgrp(s) == getpgrp());
		OK(open("/dev/tty", O_RDWR));
		sigemptyset(&set);
		t_handle(SIGINT, 0);
		t_handle(SIGQUIT, 0);
		t_handle(SIGWINCH, SA_RESTART);
		pthread_create(&t, NULL, keys, "lost\003");
		T(read(s, &c, 1));
		pthread_join(t, NULL);
		say("%s", t_signame(t_last_signal));
		pthread_create(&t, NULL, keys, "\034");
		T(read(s, &c, 1));
		pthread_join(t, NULL);
		say("%s", t_signame(t_last_signal));
		{
			struct winsize ws = { 30, 100, 0, 0 };

			t_signals = 0;
			NEED(ioctl(master, TIOCSWINSZ, &ws));
			NEED(ioctl(master, TIOCSWINSZ, &ws)); /* no change, no signal */
			say("window: %d %s", t_signals, t_signame(t_last_signal));
		}
		/* a background group that reads or writes is stopped */
		{
			int status;
			pid_t pid = SPAWN({
				setpgid(0, 0);
				NEED(read(s, &c, 1));
				say("background read %c", c);
			});

			setpgid(pid, pid);
			T(waitpid(pid, &status, WUNTRACED) == pid);
			t_status("background", status);
			T(tcsetpgrp(s, pid));
			say("foreground is the child %d", tcgetpgrp(s) == pid);
			kill(-pid, SIGCONT);
			type("x\n");
			t_wait("foreground", pid);
			signal(SIGTTOU, SIG_IGN);
			T(tcsetpgrp(s, getpgrp()));
			signal(SIGTTOU, SIG_DFL);
			pid = SPAWN({
				setpgid(0, 0);
				signal(SIGTTIN, SIG_IGN);
				T(read(s, &c, 1)); /* ignored: EIO */
				tcsetpgrp(s, getpgrp());
				say("not reached before SIGCONT");
			});
			setpgid(pid, pid);
			T(waitpid(pid, &status, WUNTRACED) == pid);
			t_status("changes the group", status);
			kill(pid, SIGKILL);
			t_wait("child", pid);
			pid = SPAWN({
				int line = 0;

				setpgid(0, 0);
				ioctl(s, TIOCSETD, &line);
			});
			setpgid(pid, pid);
			T(waitpid(pid, &status, WUNTRACED) == pid);
			t_status("sets the line discipline", status);
			kill(pid, SIGKILL);
			t_wait("child", pid);
			T(tcsetpgrp(s, 1 << 29));
			T(tcsetpgrp(s, -1));
		}
		{ /* the leader's end hangs up */
			pid_t leader = getpid();
			int p[2];

			NEED(pipe(p));
			if (!fork()) {
				t_handle(SIGHUP, 0);
				sigaddset(&set, SIGHUP);
				sigprocmask(SIG_BLOCK, &set, NULL);
				NEED(write(p[1], "r", 1));
				sigemptyset(&set);
				sigsuspend(&set);
				T_WAIT(getppid() != leader); /* it has given up the terminal */
				NEED(write(told[1], t_last_signal == SIGHUP ? "h" : "-", 1));
				NEED(write(told[1], open("/dev/tty", O_RDWR) >= 0 ? "t" : "-", 1));
				_exit(0);
			}
			NEED(read(p[0], &c, 1));
		}
	});
	close(told[1]);
	while ((r = read(told[0], said + n, sizeof(said) - n)) > 0)
		n += r;
	say("the foreground group says: %.*s", n, said);
}

static void ends(void)
{
	struct pollfd p;
	int s;

	open_pair();
	s = NEED(open(name, O_RDWR | O_NOCTTY));
	close(s);
	p = (struct pollfd){ master, POLLIN, 0 };
	T(poll(&p, 1, 0));
	say("%#x", p.revents);
	shown("the other side was closed", master);
	s = NEED(open(name, O_RDWR | O_NOCTTY));
	close(master);
	shown("the master was closed", s);
	T(write(s, "x", 1));
	T(access(name, F_OK));
	T(isatty(s));
}

static void status_byte(void)
{
	unsigned char c = 0x77;
	long n = read(master, &c, 1);

	if (n < 0)
		say("status: %s", t_errno(errno));
	else
		say("status: %#x", c);
}

/* A master in packet mode learns of a flush by the slave. A flush by the master reports nothing. */
static void packets(void)
{
	struct termios t;
	int s, on = 1;

	open_pair();
	s = NEED(open(name, O_RDWR | O_NOCTTY));
	NEED(fcntl(master, F_SETFL, O_NONBLOCK));
	T(ioctl(master, TIOCPKT, &on));
	NEED(tcgetattr(s, &t));
	T(tcsetattr(s, TCSAFLUSH, &t));
	status_byte();
	T(tcflush(s, TCIFLUSH));
	status_byte();
	T(tcflush(s, TCOFLUSH));
	status_byte();
	T(tcflush(master, TCIOFLUSH));
	status_byte();
	T(tcflow(s, TCOOFF));
	status_byte();
	T(tcflow(s, TCOON));
	status_byte();
	close(s);
	close(master);
}

/*
 * The character of a signal is echoed after the flush that it causes. The master can still read
 * earlier output.
 */
static void echoed_signals(void)
{
	char *names[] = { "interrupt", "suspend, one after another", "after text" };
	char *keys[] = { "\3", "\32\3\34", "ab\3cd\n" };
	int s;

	open_pair();
	s = NEED(open(name, O_RDWR | O_NOCTTY));
	NEED(fcntl(master, F_SETFL, O_NONBLOCK));
	for (int i = 0; i < 3; i++) {
		type(keys[i]);
		shown(names[i], master);
	}
	NEED(write(s, "out", 3));
	sleep_ms(10);
	T(tcflush(s, TCOFLUSH));
	shown("kept by the flush", master);
	NEED(write(s, "out", 3));
	type("\3");
	shown("kept by the key", master);
	close(s);
	close(master);
}

/*
 * The program at the other end edits (EXTPROC): no byte is cooked or echoed, and a master in packet
 * mode gets each change.
 */
static void edited_elsewhere(void)
{
	struct termios t;
	int s, on = 1;

	open_pair();
	s = NEED(open(name, O_RDWR | O_NOCTTY | O_NONBLOCK));
	NEED(fcntl(master, F_SETFL, O_NONBLOCK));
	NEED(ioctl(master, TIOCPKT, &on));
	NEED(tcgetattr(s, &t));
	t.c_lflag |= EXTPROC;
	T(tcsetattr(s, TCSANOW, &t));
	status_byte();
	type("ab\177c\3\4\r");
	shown("uncooked", s);
	shown("no echo", master);
	t.c_cc[VMIN] = 1;
	T(tcsetattr(s, TCSANOW, &t));
	status_byte();
	t.c_lflag &= ~(tcflag_t)EXTPROC;
	T(tcsetattr(s, TCSANOW, &t));
	status_byte();
	T(tcsetattr(s, TCSANOW, &t));
	status_byte();
	close(s);
	close(master);
}

/* TCGETS2 returns the speed that TCSETS sets by flags. */
static void speeds(void)
{
	static const speed_t codes[] = { B9600, B50, B4000000, B134, B57600, B0 };
	/* struct termios2: the speeds are its last two words */
	unsigned t2[11];
	struct termios t;
	int s;

	open_pair();
	s = NEED(open(name, O_RDWR | O_NOCTTY));
	NEED(tcgetattr(s, &t));
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		cfsetspeed(&t, codes[i]);
		NEED(tcsetattr(s, TCSANOW, &t));
		NEED(ioctl(s, 0x802c542a /* TCGETS2 */, t2));
		say("speeds %u %u", t2[9], t2[10]);
	}
	t2[2] = (t2[2] & ~(unsigned)CBAUD) | 0x1000 /* BOTHER */;
	t2[10] = 12345;
	T(ioctl(s, 0x402c542b /* TCSETS2 */, t2));
	T(ioctl(s, 0x802c542a, t2));
	say("speeds %u %u", t2[9], t2[10]);
	close(s);
	close(master);
}

TEST(tty)
{
	struct stat st;
	int s;

	open_pair();
	NEED(stat(name, &st));
	say("%s rdev major %d", t_type(st.st_mode), (int)(st.st_rdev >> 8 & 0xfff));
	s = NEED(open(name, O_RDWR | O_NOCTTY));
	settings(s);
	lines(s);
	close(s);
	close(master);
	packets();
	echoed_signals();
	edited_elsewhere();
	speeds();
	open_pair();
	control();
	ends();
	CHILD({
		setsid();
		T(open("/dev/tty", O_RDWR));
	});
}
