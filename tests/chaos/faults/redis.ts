/** Redis carries tickets and nothing else: flushed, killed, rewound, frozen or full, no work is lost and none is done twice. */
import type { Fault } from '../fault.ts';
import { flushed, killed, rewound } from './redis-lost.ts';
import { full, hung } from './redis-silent.ts';

export const redisFaults: readonly Fault[] = [flushed, killed, rewound, hung, full];
