// Bounds how long OpenMP's threads spin while they wait for one another. GNU's libgomp spins for
// milliseconds by default: beside another busy process that takes the processor from the thread
// that is waited for.
//
// Libraries read these variables when they are loaded, before main. This runs earlier still, from
// the executable's .preinit_array, and starts the program once more with the variables set: before
// any library's constructors, so that it costs a second loading alone. What the user has set is
// left as it is.

#include <sys/auxv.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <initializer_list>

#if defined(__linux__) && defined(__ELF__) && !defined(__SANITIZE_ADDRESS__)
namespace {

// Spins of libgomp, about half a millisecond: longer than threads with equal work wait for one
// another, shorter than a time slice. docs/performance.md, "A busy machine", has the measurement.
constexpr char kSpins[] = "GOMP_SPINCOUNT=20000";
// The same for LLVM's and Intel's OpenMP, in milliseconds.
constexpr char kBlockTime[] = "KMP_BLOCKTIME=1";

bool names_waiting(const char* variable) {
  for (const char* name :
       {"OMP_WAIT_POLICY=", "GOMP_SPINCOUNT=", "KMP_BLOCKTIME=", "KMP_LIBRARY="}) {
    if (std::strncmp(variable, name, std::strlen(name)) == 0) return true;
  }
  return false;
}

void restart_with_bounded_waiting(int, char** arguments, char** environment) {
  if (getauxval(AT_SECURE) != 0) return;
  constexpr int kMostVariables = 4096;
  static char* variables[kMostVariables + 3];
  int count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (count == kMostVariables || names_waiting(environment[count])) return;
    variables[count] = environment[count];
  }
  variables[count] = const_cast<char*>(kSpins);
  variables[count + 1] = const_cast<char*>(kBlockTime);
  static char program[PATH_MAX];
  const auto length = readlink("/proc/self/exe", program, sizeof program - 1);
  // Where this fails the program goes on as it is.
  if (length > 0) execve(program, arguments, variables);
}

__attribute__((section(".preinit_array"), used)) void (*const kBeforeLibraries)(
    int, char**, char**) = restart_with_bounded_waiting;

}  // namespace
#endif
