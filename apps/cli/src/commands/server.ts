/** `reelfleet server`: the server process, here and now. */
import { type Changes, namedByOption } from '../cli.ts';
import type { Register } from '../program.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('server')
    .description('run the server: page, REST, Bull Board, metrics; SIGTERM and Ctrl-C close it')
    .option('--port <n>', 'where it listens (setting PORT); 0 takes a free one')
    .option('--host <address>', 'address it listens on (setting HOST); off loopback it needs REELFLEET_PASSWORD')
    .action(
      run(async ({ port, host }: { port?: string; host?: string }) => {
        const changes: Changes = {
          PORT: { option: '--port', value: port },
          HOST: { option: '--host', value: host },
        };
        const settings = await cli.fleetSettings(changes);
        const { runServer } = await import('@reelfleet/server');
        try {
          return await runServer(settings);
        } catch (error) {
          throw namedByOption(changes, error); // what is taken shows only when it listens
        }
      }),
    );
};
