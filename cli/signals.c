#include "signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "evidence.h"
#include "guard.h"

static const int ASKING[] = {SIGHUP, SIGINT, SIGTERM};
static volatile sig_atomic_t asked;

// Everything else whose default ends the process. Faults are among them: what they leave is as unfinished.
static const int ENDING[] = {
    SIGQUIT,   SIGXCPU, SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2,
    SIGABRT,   SIGFPE,  SIGILL,  SIGSEGV,   SIGSYS,  SIGTRAP,
#ifdef SIGPOLL
    SIGPOLL,
#endif
#ifdef SIGPWR
    SIGPWR,
#endif
#ifdef SIGSTKFLT
    SIGSTKFLT,
#endif
};

static void on_ending(int number)
{
    sigset_t own;
    guard_clean_up();
    signal(number, SIG_DFL);
    raise(number);
    sigemptyset(&own);
    sigaddset(&own, number);
    pthread_sigmask(SIG_UNBLOCK, &own, NULL);
}

// Nothing is mapped but temporary files (base/spill.h): a page of one could not be read back, or found no place.
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    static const char SENTENCE[] = "etwkit: a temporary file (TMPDIR) fails: what was kept there cannot be read or "
                                   "written: Input/output error\n";
    (void)context;
    if (info->si_code <= 0) // somebody's kill
        on_ending(number);
    guard_clean_up();
    (void)!write(STDERR_FILENO, SENTENCE, sizeof(SENTENCE) - 1);
    _exit(EXIT_FAILED);
}

static void on_asking(int number)
{
    if (asked)
        on_ending(number);
    asked = 1;
    run_stop = true;
}

// Without SA_RESTART: who waits in a system call (for the reader of a pipe, for another run) is to hear of it. With
// SA_NODEFER: a handler can raise what it handles.
static void install(const int *numbers, size_t count, void (*handler)(int))
{
    struct sigaction before, now = {.sa_handler = handler, .sa_flags = SA_NODEFER};
    sigemptyset(&now.sa_mask);
    for (size_t i = 0; i < count; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(numbers[i], &now, NULL);
}

static void install_bus_error(void)
{
    struct sigaction before, now = {.sa_sigaction = on_bus_error, .sa_flags = SA_NODEFER | SA_SIGINFO};
    sigemptyset(&now.sa_mask);
    if (sigaction(SIGBUS, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        sigaction(SIGBUS, &now, NULL);
}

void signals_begin(void)
{
    signal(SIGPIPE, SIG_IGN); // writes fail with EPIPE
    signal(SIGXFSZ, SIG_IGN); // and with EFBIG
    install(ASKING, COUNT_OF(ASKING), on_asking);
    install(ENDING, COUNT_OF(ENDING), on_ending);
    install_bus_error();
#ifdef SIGRTMIN
    for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
        install(&number, 1, on_ending);
#endif
}

_Noreturn void signals_end_by_pipe(void)
{
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
    _exit(EXIT_FAILED);
}
