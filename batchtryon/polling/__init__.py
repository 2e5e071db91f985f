"""When to ask for which job: learned from the answers, timed by what a poll is worth, within the budget.

The model. While a job that has ended is not known to have ended, its slot idles, one slot second a second; a poll costs
a price in the same seconds. With F the distribution of durations, the ages at which to ask are those that minimise the
expected idle time plus the price times the expected polls: the inspection problem of Barlow, Hunter and Proschan
("Optimum checking procedures", SIAM Journal 11, 1963), solved exactly on a grid by dynamic programming
(:mod:`~batchtryon.polling.timing`).

F is learned online, for each kind, mode and number of images (:mod:`~batchtryon.polling.durations`). A poll says only
that the end lies in an interval, or beyond it: a histogram of hazards counts both, the right-censored answer ("still
processing") as time at risk (Kaplan and Meier, JASA 53, 1958), the interval by self-consistency (Turnbull, JRSS B 38,
1976). Old answers fade, faster after a surprise; a few scouts are asked for early, since who never asks early never
learns that jobs have become faster.

The price is the one at which the polls that all open jobs would ask for meet what the budget gives
(:mod:`~batchtryon.polling.planner`); as long as the budget is ample, the one at which a job takes a handful of polls.
Where due polls still outnumber permits, the job that has most likely ended is asked for first: each ended job that is
found frees a whole slot, so chance is what a poll gains (``executor/agenda.py``).

Pure: it is told what happened and answers with seconds.
"""

from batchtryon.polling.planner import JobClass, PollPlanner

__all__ = ["JobClass", "PollPlanner"]
