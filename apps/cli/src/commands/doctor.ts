/** `reelfleet doctor`: is everything in order, and what to do where it is not. Exits 1 when something fails. */
import { messageOf, UserError } from '@reelfleet/core';
import type { FleetSettings } from '@reelfleet/worker';
import type { Cli } from '../cli.ts';
import { type Finding, failed, note } from '../doctor/check.ts';
import type { Register } from '../program.ts';

export const register: Register = (program, cli, run) => {
  program
    .command('doctor')
    .description('check this machine and the fleet, with the cure for what is wrong')
    .option('--json', 'print JSON')
    .action(
      run(async ({ json }: { json?: boolean }) => {
        const { out } = cli;
        const findings = await examine(cli);
        const healthy = findings.every((finding) => finding.level !== 'failed');
        if (json) out.json({ healthy, checks: findings });
        else {
          const marks = {
            ok: out.paint('green', '✓'),
            note: out.paint('dim', '·'),
            warning: out.paint('yellow', '!'),
            failed: out.paint('red', '✗'),
          };
          const wide = Math.max(...findings.map(({ name }) => name.length));
          for (const { name, level, says, cure } of findings) {
            out.line(`${marks[level]} ${name.padEnd(wide)}  ${says}`);
            if (cure !== null)
              out.line(`  ${' '.repeat(wide)}  ${out.paint(level === 'failed' ? 'red' : 'dim', `→ ${cure}`)}`);
          }
        }
        return healthy ? 0 : 1;
      }),
    );
};

async function examine(cli: Cli): Promise<Finding[]> {
  const [machine, services, server] = await Promise.all([
    import('../doctor/machine.ts'),
    import('../doctor/services.ts'),
    import('../doctor/server.ts'),
  ]);
  const settings = cli.settings();
  const findings: Finding[] = [
    machine.checkNode(),
    await machine.checkFfmpeg(),
    machine.checkSpeech(settings, process.env),
    await machine.checkScratch(settings),
  ];

  let located: FleetSettings;
  try {
    located = await cli.fleetSettings();
  } catch (error) {
    if (!(error instanceof UserError) || error.exitCode === 2) throw error;
    return [...findings, note('fleet', messageOf(error))];
  }
  const { storageOf } = await import('@reelfleet/storage');
  const url = located.STORAGE_URL;
  try {
    findings.push(await machine.checkStorage(storageOf(located), url));
  } catch (error) {
    findings.push(failed('storage', messageOf(error), 'correct STORAGE_URL'));
  }
  findings.push(await server.checkServer(located));
  if (located.REDIS_URL) findings.push(...(await services.checkRedis(located.REDIS_URL)));
  const { findings: ofDatabase, facts } = await services.checkDatabase(located);
  findings.push(...ofDatabase);
  if (facts !== null && !located.REDIS_URL) findings.push(await services.checkTickets(located.DATABASE_URL));
  if (facts === null || facts.schema !== facts.expected) return findings;

  await cli.withFleet(async ({ operator, reads }) => {
    const { workerHosts } = await import('@reelfleet/db');
    const [workers, stages, hosts] = await Promise.all([operator.workers(), operator.stages(), workerHosts(reads)]);
    // By the database's clock, which beats are measured with.
    const now = Date.now() + facts.clockSkewMs;
    const online = services.beating(workers, located.REELFLEET_OFFLINE_MS, now);
    const sizes = online.map((worker) => ({ stages: worker.stages.length }));
    findings.push(services.judgeConnections(facts, sizes, located.REDIS_URL === undefined));
    const reach = server.judgeReach(
      url,
      online.map(({ id }) => hosts.get(id) ?? null),
    );
    if (reach !== null) findings.push(reach);
    findings.push(...services.judgeStages(cli.stages, online, stages, now));
  });
  return findings;
}
