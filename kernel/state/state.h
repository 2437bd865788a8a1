/* SPDX-License-Identifier: MIT */
/*
 * state.h: saves the running instance to files, and continues from them in another host process.
 *
 * What a guest is lies in the arena and in physmem. What this host process is (skas, descriptors,
 * threads, sockets) is not saved: whatever owns such a thing makes it again. The life of a save:
 *
 *	state_save(dir)   on a kernel thread of vCPU 0
 *	  prepare()         of every part
 *	  the machine stops: every other vCPU waits at a boundary, outside of all spinlocks
 *	  quiet()           of every part, until no request is under way in the host
 *	  describe()        of every part
 *	  memory is written to DIR/memory
 *	  (state_save_held() only: the machine is held here until it may go on)
 *	  undescribe()      of every part
 *	  the machine goes on
 *	  finish()          of every part: the files are complete, but not yet on the disk
 *
 * and of a restore (nestling restore=DIR ...), in a new process with the same kernel:
 *
 *	memory is mapped as it was; the thread of state_save() goes on, on vCPU 0, alone
 *	  spaces, clocks and interrupts are set up
 *	  parameters that a restore may change are read again (umid=, con*, ssl*, ubd*, eth*)
 *	  rebuild()         of every part, in the order of the linker
 *	  the machine goes on
 *	  resumed()         of every part, when guest code may run again
 *	  connected()       of every part
 *
 * A restore with fresh=FD takes the state for a template (docs/state.md): the instance is like one
 * that has booted just now. Its clocks count from the template's boot, without the time between.
 *
 * Host objects that the guest's state names are handles (os_object_add() in os-linux/host.h), which
 * rebuild() fills again under the same number.
 */
#ifndef NESTLING_STATE_H
#define NESTLING_STATE_H

#include "kernel/lib/types.h"

/* A line with the reason why a part cannot be saved or rebuilt, without a full stop. */
struct state_why {
	char text[400];
};

struct state_part {
	const char *name;
	/*
	 * Prepares for describe(), for example by copying data that do not change to the folder
	 * @dir. The machine runs; may sleep. Called again if a save restarts. Returns 0, or -errno
	 * with @why set: the save fails, and finish() follows.
	 */
	int (*prepare)(const char *dir, struct state_why *why);
	/*
	 * Says whether no request of this part is under way in the host. The machine is stopped: no
	 * spinlock is held anywhere, and the handlers of interrupt lines are run between two calls.
	 * It is asked again for some seconds, then the save fails. NULL: always quiet.
	 */
	bool (*quiet)(void);
	/*
	 * Copies state that only the host half has into the guest's memory, or into files of the
	 * folder @dir. The machine is stopped: no allocation, and no sleep but in doors. Returns 0,
	 * or -errno with @why set: then the save fails and the instance runs on. After -EAGAIN the
	 * save restarts with prepare(). NULL: nothing to do, as for all members below.
	 */
	int (*describe)(const char *dir, struct state_why *why);
	/*
	 * Undoes the changes of describe() to this instance, before the machine runs again. @saved:
	 * the memory was saved; if false, describe() may not have been called.
	 */
	void (*undescribe)(bool saved);
	/*
	 * Completes the files of the state when the machine runs again or, if not @saved, drops
	 * what prepare() has made. May sleep; but not if @stopped, before the machine is held. Is
	 * called once in a save. Returns 0, or -errno with @why set: the save has failed.
	 */
	int (*finish)(bool saved, bool stopped, struct state_why *why);
	/*
	 * mark() is called when the stopped machine is about to be marked (state_mark()).
	 * put_back() undoes later changes on the host; it is called in a stop, before the machine's
	 * memory is put back. Both return 0, or -errno with @why set. unmark() ends the mark, in a
	 * stop and with the host as at the mark: later changes stay. It is called after each
	 * mark(), even one that failed.
	 */
	int (*mark)(struct state_why *why);
	int (*put_back)(struct state_why *why);
	void (*unmark)(void);
	/*
	 * These two serve a rollback in place. note() is called after rebuild() in a process that
	 * exec put back to a state, and returns true if the part can go back to its condition at
	 * that time. go_back() is called instead of put_back(), in a stop: it restores the host as
	 * of note(), and resumed() and connected() follow. It returns 0, or -errno with @why set:
	 * then exec makes the rollback. NULL stands for true, and for put_back().
	 */
	bool (*note)(void);
	int (*go_back)(const char *dir, struct state_why *why);
	/*
	 * Makes the host objects again, in the new process. The machine is stopped, as above.
	 * Returns 0, or -errno with @why set: the process ends with that line and status 1.
	 */
	int (*rebuild)(const char *dir, struct state_why *why);
	/*
	 * Called when the machine runs again, in the new process. Runs on a kernel thread, may
	 * sleep.
	 */
	void (*resumed)(void);
	/*
	 * Called after resumed() of every part: from now on programs may get input from outside,
	 * and all devices work.
	 */
	void (*connected)(void);
};

/* STATE_PART(ubd_state) = { .name = "ubd", ... }; collected by a linker section. */
#define STATE_PART(var)                                                                            \
	static const struct state_part var __used                                                  \
		__attribute__((section("state_parts"), aligned(8)))

/*
 * Saves the instance to the folder @dir, which exists and is empty. Sleeps until it is done.
 * Returns 0 with *@stopped set to the ns for which the machine stood still, or -errno with @why;
 * and, in each process that continues from it, 1, after resumed() of every part. Returns -EBUSY
 * during another save.
 */
int state_save(const char *dir, u64 *stopped, struct state_why *why);

/*
 * Saves as state_save() does, but keeps the machine stopped until @hold returns. @hold is called
 * once memory is written, in this process only, and not if the save fails; it may call doors only.
 * @so_far: ns for which the machine has been stopped.
 */
int state_save_held(const char *dir, void (*hold)(u64 so_far), u64 *stopped, struct state_why *why);

/*
 * Going back in place: state_mark() marks the machine, and state_put_back() restores the marked
 * state, in a time that depends on the pages written since. Host objects stay, so data sent to the
 * host meanwhile are not taken back, except by disks.
 *
 * Both are called by a kernel thread that is bound to the first vCPU, and may sleep. state_mark()
 * returns 0; 1 each time that the machine was put back, with the machine running; or -errno with
 * @why. If @is_last(), which may call doors only, returns true after a put-back, that was the last
 * one: later changes on the host stay. state_put_back() returns only -errno with @why. For @quiet
 * see machine_put_back_begin().
 */
struct mm;
int state_mark(bool (*is_last)(void), struct state_why *why);
int state_put_back(const struct mm *quiet, struct state_why *why);

/*
 * Makes this process the instance that was saved in @dir. If the process was last put back to this
 * state, the machine goes back in place if it can, as with state_put_back(). Otherwise the kernel
 * executes itself again, with the same pid, descriptors and parameters, and restore=@dir. Called by
 * a kernel thread. Returns only on an early error; calls @begins before each attempt.
 */
int state_rollback(const char *dir, void (*begins)(void *arg, bool in_place), void *arg,
	struct state_why *why);
/* The host's objects are others from now on: a rollback in place would not find them. */
void state_changed(void);

#endif
