/**
 * How often the load may be tried. Under ten minutes of constant fire the ordinary budgets (3 errors, 5 crashes) would
 * now and then be spent by bad luck alone, and "every accepted run completes" could not be asked for. What happens when
 * a budget is spent has faults of its own.
 */
import type { AnyStage, StagePolicy } from '@reelfleet/core';

export const patient: Partial<StagePolicy> = {
  maxAttempts: 30,
  maxCrashes: 30,
  backoffMs: 200,
  backoffMaxMs: 2_000,
  stalledAfterMs: 15_000,
};

export const patiently = (stage: AnyStage): AnyStage => ({ ...stage, policy: { ...stage.policy, ...patient } });
