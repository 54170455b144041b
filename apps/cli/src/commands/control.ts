/** What operators do to work that is there: `retry`, `cancel`, `pause`, `resume`. */
import { nearest } from '@reelfleet/config';
import { UserError } from '@reelfleet/core';
import { allStageNames } from '@reelfleet/pipelines';
import type { Register } from '../program.ts';
import { count } from '../ui/format.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('retry')
    .description('do again what failed or was cancelled, and what was skipped behind it; what completed stays')
    .argument('<run|task>')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const answer = await operator.retry(ref);
          if (json) cli.out.json(answer);
          else if (answer.retried === 0) cli.out.line('nothing to do again: nothing failed, was cancelled or skipped');
          else cli.out.line(`${count(answer.retried, 'task')} to be done again`);
        });
      }),
    );

  program
    .command('cancel')
    .description('stop a run or a task: what has not started ends at once, what runs is told by its next beat')
    .argument('<run|task>')
    .option('--json', 'print JSON')
    .action(
      run(async (ref: string, { json }: { json?: boolean }) => {
        await cli.withFleet(async ({ operator }) => {
          const answer = await operator.cancel(ref);
          if (json) cli.out.json(answer);
          else if (answer.cancelled + answer.asked === 0) cli.out.line('nothing to cancel: all of it has ended');
          else
            cli.out.line(
              `${count(answer.cancelled, 'task')} cancelled${answer.asked > 0 ? `, ${answer.asked} running asked to stop` : ''}`,
            );
        });
      }),
    );

  program
    .command('pause')
    .description('stop new claims of a stage; running work goes on')
    .argument('<stage>')
    .option('--reason <text>', 'shown to whoever asks why')
    .option('--json', 'print JSON')
    .action(
      run(async (stage: string, { reason, json }: { reason?: string; json?: boolean }) => {
        assertStage(stage);
        await cli.withFleet(async ({ operator }) => {
          await operator.pause(stage, reason ?? null);
          if (json) cli.out.json({ stage, paused: true });
          else cli.out.line(`${stage} is paused: "reelfleet resume ${stage}" starts it again`);
        });
      }),
    );

  program
    .command('resume')
    .description('start claims of a paused stage again')
    .argument('<stage>')
    .option('--json', 'print JSON')
    .action(
      run(async (stage: string, { json }: { json?: boolean }) => {
        assertStage(stage);
        await cli.withFleet(async ({ operator }) => {
          const resumed = await operator.resume(stage);
          if (json) cli.out.json({ stage, resumed });
          else cli.out.line(resumed ? `${stage} runs again` : `${stage} was not paused`);
        });
      }),
    );
};

/** Stages of later versions may be paused ahead; a word that is none may not. */
function assertStage(stage: string): void {
  if ((allStageNames as readonly string[]).includes(stage)) return;
  const close = nearest(stage, allStageNames);
  throw new UserError(
    `there is no stage "${stage}": ${close ? `did you mean "${close}"?` : `the stages are ${allStageNames.join(', ')}`}`,
    { exitCode: 2 },
  );
}
