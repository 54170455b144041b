/**
 * Asks the process of this container whether it is well: exit code 0 when it answers 200, otherwise 1 with what it said.
 *   node healthcheck.mjs PORT_SETTING PATH
 * The port is the one the process was told by the setting of that name.
 */
const [setting, path] = process.argv.slice(2);
const address = `http://127.0.0.1:${process.env[setting]}${path}`;
try {
  const response = await fetch(address, { signal: AbortSignal.timeout(4_000) });
  if (!response.ok) throw new Error(`${response.status} ${(await response.text()).slice(0, 500)}`);
} catch (error) {
  console.error(`${address}: ${error.cause?.message ?? error.message}`);
  process.exitCode = 1;
}
