import { select } from 'd3-selection';
import { valueOf } from './codes.js';

/** @typedef {import('./table.js').Column} Column */

/**
 * Draws each trace as three lines: the median above the quartiles. A line in the colour of the
 * paper under the median parts it from the points.
 *
 * @param {SVGGElement} group
 * @param {import('./traces.js').Trace[]} traces
 * @param {Column} x
 * @param {Column} y
 */
export function drawTraces(group, traces, x, y, xScale, yScale) {
  const lineOf = (trace, part) => {
    const points = trace.summaries.map((summary) => [
      xScale(valueOf(x, summary.x)), yScale(valueOf(y, summary[part])),
    ].map((at) => at.toFixed(1)).join(','));
    // A line of one point is a dot, thanks to its round caps.
    return `M${points.join('L')}${points.length === 1 ? 'h0' : ''}`;
  };
  const lines = traces.flatMap((trace) => [
    { trace, part: 'lower', role: 'quartile' },
    { trace, part: 'upper', role: 'quartile' },
    { trace, part: 'median', role: 'casing' },
    { trace, part: 'median', role: 'median' },
  ]);
  select(group).selectAll('path').data(lines).join('path')
    .attr('class', ({ role }) => role)
    .attr('d', ({ trace, part }) => lineOf(trace, part))
    .style('stroke', ({ trace, role }) => (role === 'casing' ? null : trace.colour));
}
