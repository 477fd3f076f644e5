// Runs cdk-nag's AwsSolutions rules on a CloudFormation template: nag.mjs TEMPLATE, started in the
// folder of node_modules.
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const require = createRequire(join(process.cwd(), 'package.json'));
const { App, Aspects, Stack } = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const { AwsSolutionsChecks, NagReportFormat } = require('cdk-nag');

const outdir = mkdtempSync(join(tmpdir(), 'nag-'));
process.on('exit', () => rmSync(outdir, { recursive: true }));

const app = new App({ outdir, analyticsReporting: false });
const stack = new Stack(app, 'strict');
new CfnInclude(stack, 'template', { templateFile: process.argv[2] });
Aspects.of(app).add(new AwsSolutionsChecks({ reports: true, reportFormats: [NagReportFormat.JSON] }));
app.synth();

const report = readdirSync(outdir).find((name) => name.endsWith('NagReport.json'));
const { lines } = JSON.parse(readFileSync(join(outdir, report), 'utf8'));
const count = { Compliant: 0, Suppressed: 0, 'Non-Compliant': 0, UNKNOWN: 0 };
for (const line of lines) {
  count[line.compliance] = (count[line.compliance] ?? 0) + 1;
  if (line.compliance === 'Non-Compliant' || line.compliance === 'UNKNOWN') {
    console.log(`${line.ruleId} ${line.resourceId}: ${line.ruleInfo} ${line.exceptionReason}`);
  }
}
console.log(`${count.Compliant} passed, ${count['Non-Compliant'] + count.UNKNOWN} failed, ${count.Suppressed} accepted with a reason`);
// If no rule applied to any resource, the template was not checked.
process.exitCode = count['Non-Compliant'] + count.UNKNOWN > 0 || count.Compliant === 0 ? 1 : 0;
