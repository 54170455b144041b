/**
 * Ties the life of a child process to ours. `kill -9` runs no exit handler, so only the kernel can end a child for us:
 * Linux sends a process the signal it asked for when its parent dies, and `setpriv` (util-linux, on every Debian)
 * asks on the child's behalf. Elsewhere the command comes back unchanged and the child outlives us.
 */
import { spawnSync } from 'node:child_process';
import { UserError } from '@reelfleet/core';

let supported: boolean | undefined;

function canTie(): boolean {
  // Asked of the tool itself: BusyBox has a setpriv too, and it does not know the flag.
  if (process.platform !== 'linux') return false;
  if (supported === undefined) {
    const { status, signal } = spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' });
    // Ended by a Ctrl-C it has not answered; the next who wants to know asks again.
    if (signal !== null) return false;
    supported = status === 0;
  }
  return supported;
}

/**
 * The same command, made to receive `signal` when the process that spawns it dies; setpriv replaces itself with the
 * command, so the pid is the command's. Spawn it from the main thread: the kernel watches the thread, not the process.
 */
export function tiedToParent(
  command: string,
  args: readonly string[],
  signal: 'SIGINT' | 'SIGTERM' | 'SIGQUIT' | 'SIGKILL',
): { command: string; args: string[] } {
  if (!canTie()) return { command, args: [...args] };
  return { command: 'setpriv', args: ['--pdeathsig', signal.slice(3), '--', command, ...args] };
}

/**
 * In the catch of a program that was waited for: the terminal's Ctrl-C reaches it too, and what it did not get to say
 * must not be taken for a no. `doing` goes on from "stopped while".
 */
export function throwIfStopped(error: unknown, doing: string): void {
  const { signal } = error as { signal?: NodeJS.Signals | null };
  if (signal) throw new UserError(`stopped while ${doing} (${signal})`, { cause: error });
}
