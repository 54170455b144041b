/** What happens to worker processes: 1 to 5, and 20. */
import type { Fault } from '../fault.ts';
import { blockedEventLoop, frozenPastLease } from './ghosts.ts';
import { killAtPoints } from './kill.ts';
import { poisonTask } from './poison.ts';
import { rollingRestart, stoppedWhileBusy } from './stopping.ts';

export const processFaults: readonly Fault[] = [
  killAtPoints,
  frozenPastLease,
  blockedEventLoop,
  stoppedWhileBusy,
  rollingRestart,
  poisonTask,
];
