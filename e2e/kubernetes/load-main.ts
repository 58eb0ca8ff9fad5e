// Sends load from a process of its own, so that what a test does meanwhile delays no request; load.ts starts it
import { startLoad } from '../../src/load/load.ts';
import { presets } from '../../src/load/shape.ts';

const tellMs = 50;
/** Of each cause: whoever explains them wants all. */
const failuresKept = 2_000;

const [host = '', port, scale] = process.argv.slice(2);
const load = startLoad({
  host,
  port: Number(port),
  shape: presets.plain({ scale: Number(scale) }),
  allowHosts: [host],
  failuresKept,
});
const tell = setInterval(() => process.send?.(load.report()), tellMs);
process.once('message', () => void load.stop());
process.once('disconnect', () => process.exit());

const report = await load.ended;
clearInterval(tell);
process.send?.(report, undefined, undefined, () => process.exit());
