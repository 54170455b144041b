/** `reelfleet server`: the server process, here and now. */
import type { Register } from '../program.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('server')
    .description('run the server: page, REST, Bull Board, metrics; SIGTERM and Ctrl-C close it')
    .option('--port <n>', 'where it listens (setting PORT); 0 takes a free one')
    .option('--host <address>', 'address it listens on (setting HOST); off loopback it needs REELFLEET_PASSWORD')
    .action(
      run(async ({ port, host }: { port?: string; host?: string }) => {
        const settings = await cli.fleetSettings({
          PORT: { option: '--port', value: port },
          HOST: { option: '--host', value: host },
        });
        const { runServer } = await import('@reelfleet/server');
        return runServer(settings);
      }),
    );
};
