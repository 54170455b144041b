/**
 * Carrying out a plan inside a stage: progress and motion reach the context, and the last lines of a program that failed are
 * kept for `reelfleet logs`.
 */
import type { RunOptions, StageContext, ToolResult } from '@reelfleet/core';
import { type Plan, ToolError } from '@reelfleet/media';

type Context = Pick<StageContext<unknown>, 'tools' | 'signal' | 'scratch' | 'progress' | 'moved' | 'note' | 'log'>;

export interface Share {
  /** The part of the task's progress that this plan fills, and how many seconds of output it makes. */
  from: number;
  to: number;
  seconds: number;
  /** Counted in frames instead, where the clock of the output does not begin at 0. */
  frames?: number;
  step: string;
}

/**
 * Run a plan in the scratch folder. Throws ToolError when the program fails, `signal.reason` when the attempt ends. `onMotion`
 * is called when the program has moved on.
 */
export async function runPlan(
  context: Context,
  plan: Plan,
  share?: Share,
  { onMotion, ...options }: Pick<RunOptions, 'timeoutMs' | 'threads' | 'inputs'> & { onMotion?: () => void } = {},
): Promise<ToolResult> {
  const { log, signal } = context;
  log.debug({ what: plan.what, args: plan.args }, 'ffmpeg started');
  try {
    const result = await context.tools.ffmpeg(plan.args, {
      signal,
      cwd: context.scratch,
      timeoutMs: 30 * 60_000,
      ...options,
      onProgress({ outTimeSeconds, frames }) {
        context.moved();
        onMotion?.();
        if (!share) return;
        const done = share.frames ? frames / share.frames : outTimeSeconds / share.seconds;
        context.progress(share.from + (share.to - share.from) * Math.min(1, done), share.step);
      },
    });
    context.moved();
    if (share) context.progress(share.to, share.step);
    log.debug({ what: plan.what, durationMs: Math.round(result.durationMs) }, 'ffmpeg ended');
    return result;
  } catch (error) {
    if (error instanceof ToolError) {
      context.note(`ffmpeg, ${plan.what}:`);
      for (const line of error.stderrTail.split('\n')) context.note(line);
    }
    throw error;
  }
}

/** The command as a person would type it, for `render_tasks.ffmpeg_command`: for reading, never for a shell to run. */
export function commandText(plan: Plan): string {
  return [
    'ffmpeg',
    ...plan.args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)),
  ].join(' ');
}

/** Run `work` over the items, at most `limit` at a time, and answer in their order; the first error wins and the rest are not begun. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  let failed = false;
  const lane = async () => {
    while (next < items.length && !failed) {
      const index = next;
      next += 1;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, lane));
  for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason;
  return results;
}
