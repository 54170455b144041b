/** `reelfleet worker`: one worker process, here and now. */
import type { Register } from '../program.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('worker')
    .description('run one worker process; SIGTERM and Ctrl-C drain it')
    .option('--stages <a,b>', `the stages it serves: ${cli.stages.join(', ')}`)
    .option('--concurrency <n>', 'tasks at once: a number, or music=8,transcode=1')
    .option('--name <name>', 'the name people know it by')
    .action(
      run(async ({ stages, concurrency, name }: { stages?: string; concurrency?: string; name?: string }) => {
        const settings = await cli.fleetSettings({
          REELFLEET_STAGES: { option: '--stages', value: stages },
          REELFLEET_CONCURRENCY: { option: '--concurrency', value: concurrency },
          REELFLEET_WORKER_NAME: { option: '--name', value: name },
        });
        const { runWorker } = await import('@reelfleet/worker');
        return runWorker(settings);
      }),
    );
};
