/* Lets user-mode Linux 6.1 run on processors whose register state is wider than the buffer it was built with (AMX: 11 KB, not 2.7 KB).
 *
 * The host's kernel refuses to set a register state that is not whole. This stands before ptrace and hands the whole state over,
 * with the part that user-mode Linux knows laid over it. Loaded with LD_PRELOAD; nothing else of the program changes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define WHOLE 65536

typedef long (*ptrace_function)(int, int, void *, void *);

static char state[WHOLE] __attribute__((aligned(64)));

long ptrace(enum __ptrace_request request, ...)
{
    static ptrace_function next;
    va_list arguments;
    va_start(arguments, request);
    int pid = va_arg(arguments, int);
    void *kind = va_arg(arguments, void *);
    void *data = va_arg(arguments, void *);
    va_end(arguments);
    if (!next)
        next = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
    if ((request != PTRACE_GETREGSET && request != PTRACE_SETREGSET) || (long)kind != NT_X86_XSTATE)
        return next(request, pid, kind, data);
    struct iovec *part = data, whole = {state, WHOLE};
    long result = next(PTRACE_GETREGSET, pid, kind, &whole);
    if (result < 0)
        return result;
    size_t known = part->iov_len < whole.iov_len ? part->iov_len : whole.iov_len;
    if (request == PTRACE_GETREGSET) {
        memcpy(part->iov_base, state, known);
        part->iov_len = known;
        return 0;
    }
    memcpy(state, part->iov_base, known);
    return next(PTRACE_SETREGSET, pid, kind, &whole);
}
