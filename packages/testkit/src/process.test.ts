import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '@reelfleet/embedded';
import { describe, expect, it } from 'vitest';
import { startProcess, type TestProcess } from './process.ts';
import { until } from './until.ts';

const ticking = ['-e', 'let n = 0; setInterval(() => console.log("tick", ++n), 20)'];

describe('startProcess', () => {
  it('hears both streams, passes the environment and reports the exit code', async () => {
    const script = 'console.log(process.env.WORD); console.error("bad", process.env.HOME); process.exit(3)';
    const one = startProcess({ args: ['-e', script], env: { WORD: 'good', HOME: undefined } });
    expect(await one.waitForExit()).toEqual({ code: 3, signal: null });
    expect(one.stdout).toEqual(['good']);
    expect(one.stderr).toEqual(['bad undefined']);
    await expect(one.waitForLine(/never/)).rejects.toThrow('ended with 3 before it printed /never/');
  });

  it('freezes a process, which then does nothing, and wakes it', async () => {
    const one = startProcess({ args: ticking });
    await one.waitForLine(/tick 2/);
    one.freeze();
    await sleep(60); // what it had printed arrives
    const then = one.lines.length;
    await sleep(150);
    expect(one.lines.length).toBe(then);
    one.wake();
    await one.waitForLine(new RegExp(`tick ${then + 1}`));
  });

  it('kills with the signal asked for', async () => {
    const one = startProcess({ args: ticking });
    await one.waitForLine(/tick/);
    one.kill('SIGKILL');
    expect(await one.waitForExit()).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it('says what it waited for and what was printed instead', async () => {
    const one = startProcess({ args: ['-e', 'console.log("almost"); setInterval(() => {}, 1000)'], name: 'worker a' });
    await one.waitForLine(/almost/);
    await expect(one.waitForLine(/ready/, { timeoutMs: 50 })).rejects.toThrow(
      /worker a printed no \/ready\/[\s\S]*almost/,
    );
  });

  it('reports a command that is not there', async () => {
    const one = startProcess({ command: 'no-such-command-here', args: [] });
    expect((await one.waitForExit()).code).not.toBe(0);
  });
});

describe('the end of a test', () => {
  let left: TestProcess;
  let grandchild: number;

  it('comes with a process and its child still running', async () => {
    const script = `const c = require('child_process').spawn('sleep', ['600']); console.log('child', c.pid)`;
    left = startProcess({ args: ['-e', script] });
    grandchild = Number((await left.waitForLine(/child/)).split(' ')[1]);
    expect(isAlive(grandchild)).toBe(true);
  });

  it('has killed both, so that the next test finds neither', async () => {
    expect(isAlive(left.pid)).toBe(false);
    await until(() => !isAlive(grandchild), { what: 'the grandchild to be gone' });
  });
});
