"""The two searches of the fingering: kernels over columns of whole numbers (see :mod:`symgen.native`).

All weights are thousandths, all times microseconds, so that Python and machine code agree to the last digit.
"""

from __future__ import annotations

from typing import Any

from symgen.native import Columns, kernel

BEAM = 32
"""States that the search for the stopping hand keeps after each stroke."""

ROWS = 7
"""Rows of a table of states: total, option, held option, stroke of the hold, last stroke, parent, choice."""

OPTION_COLUMNS = ("cost", "entry", "leave", "low", "high", "held", "struck", "string", "kind", "slide")
"""What the search knows of an option.

cost : of the option by itself
entry, leave : where the hand arrives and is afterwards, in ten-thousandths of its way; -1 if it is free
low, high : outermost marks held, in hundredths
held, struck : strings, one bit each
string : mean string, in hundredths
kind : sum of 1 open, 2 stopped, 4 harmonic
slide : 1 up, -1 down, 0 none
"""


@kernel
def cheapest_way(
    block: Columns,
    onset: Columns,
    end: Columns,
    first: Columns,
    after: Columns,
    pitch: Columns,
    options: Any,
    weights: Columns,
    states: Any,
    fresh: Any,
    holds: Any,
    parents: Columns,
    picks: Columns,
    chosen: Columns,
) -> int:
    """Choose an option for every stroke: the cheapest way, with as few strokes as possible left out.

    The state holds where the stopping hand is, also while it is free: an open string does not move it. A stroke is
    left out (-1) only where no option is within reach of the hand in time. The best `BEAM` states are kept.

    Parameters
    ----------
    block, onset, end : columns, one entry a stroke
        Its block of options; when it is struck, and when its last note ends as written, in microseconds.
    first, after, pitch : columns, one entry a block
        Its options are `first` to `after` - 1; the pitch if it is one note, else -1.
    options : table
        One column each of :data:`OPTION_COLUMNS`.
    weights : columns
        move, most marks of a jump, its least time, string change, same sound, unison pair, cut, off the string, new
        mark, beam, most options of a block.
    states, fresh : tables of `ROWS` rows
        Space to work in.
    holds : table of three rows of strokes * most options + 1 + beam entries, the first zeros
        Space to work in: of a hold, one more than the stroke at which it was last met and its number among those met
        there; the number of each state's hold.
    parents, picks : columns of strokes * beam entries
        Space to work in.
    chosen : columns, one entry a stroke
        Filled in.

    Returns
    -------
    int
        Cost of the way.
    """
    cost, entry, leave, low, high = options[0], options[1], options[2], options[3], options[4]
    held, struck, string, kind, slide = options[5], options[6], options[7], options[8], options[9]
    move, jump_marks, jump_time, change, same = weights[0], weights[1], weights[2], weights[3], weights[4]
    unison, cut, away, new_mark, beam, most = weights[5], weights[6], weights[7], weights[8], weights[9], weights[10]
    met, number, held_by = holds[0], holds[1], holds[2]
    # By so much at most a price may still fall: one that is dearer than another by more need not be known.
    slack = max(0, unison)
    if min(move, change, same, cut, away, new_mark) < 0:
        slack = 1 << 60
    count = 1
    states[0][0] = 0
    for row in range(1, 5):
        states[row][0] = -1
    for now in range(len(block)):
        here, struck_at = block[now], onset[now]
        total, option, hold, hold_at, last = states[0], states[1], states[2], states[3], states[4]
        new_total, new_option, new_hold, new_hold_at = fresh[0], fresh[1], fresh[2], fresh[3]
        new_last, new_parent, new_pick = fresh[4], fresh[5], fresh[6]
        different = 0
        for i in range(count):
            key = len(block) * most
            if hold[i] >= 0:
                key = hold_at[i] * most + hold[i] - first[block[hold_at[i]]]
            if met[key] != now + 1:
                met[key] = now + 1
                number[key] = different
                different += 1
            held_by[i] = number[key]
        made = 0
        refused = first[here] == after[here]
        for j in range(first[here], after[here]):
            start = made
            needs_hand = entry[j] >= 0
            own, string_j, struck_j, low_j, kind_j = cost[j], string[j], struck[j], low[j], kind[j]
            for i in range(count):
                price = total[i] + own
                h = hold[i]
                # An option that needs the hand decides where it is; a free one leaves it where it was.
                place = start
                if not needs_hand:
                    place = start + held_by[i]
                elif h >= 0:
                    since = struck_at - onset[hold_at[i]]
                    apart = jump_marks
                    if since < jump_time and held[h] & held[j] == 0:
                        apart = max(low_j - high[h], low[h] - high[j])
                    if apart > jump_marks:
                        refused = True
                        continue
                    if place < made and new_total[place] <= price - slack:
                        continue
                    price += move * abs(leave[h] - entry[j]) * 1000 // max(since, 100000)
                if place < made and new_total[place] <= price - slack:
                    continue
                o = option[i]
                if o >= 0:
                    before = last[i]
                    there = block[before]
                    shared = struck[o] & struck_j
                    price += change * abs(string[o] - string_j) // 100
                    if shared and end[before] > struck_at:
                        price += cut
                    if there == here:
                        if struck[o] == struck_j and low[o] == low_j:
                            price += same
                        elif kind[o] + kind_j == 3:
                            price -= unison
                    if kind[o] == 4 and kind_j == 4 and low[o] != low_j:
                        price += new_mark
                    if slide[o] != 0 and pitch[here] >= 0 and not shared:
                        rise = (pitch[here] - pitch[there]) * slide[o]
                        if 0 < rise <= 12:
                            price += away
                if place < made and new_total[place] <= price:
                    continue
                new_total[place] = price
                new_option[place] = j
                new_last[place] = now
                new_parent[place] = i
                new_pick[place] = j
                if needs_hand:
                    new_hold[place] = j
                    new_hold_at[place] = now
                else:
                    new_hold[place] = h
                    new_hold_at[place] = hold_at[i]
                if place == made:
                    made += 1
        if refused:
            for i in range(count):
                new_total[made] = total[i] + 1000000000
                new_option[made] = option[i]
                new_hold[made] = hold[i]
                new_hold_at[made] = hold_at[i]
                new_last[made] = last[i]
                new_parent[made] = i
                new_pick[made] = -1
                made += 1
        count = min(made, beam)
        for k in range(count):
            best = k
            if made > beam:
                for i in range(k + 1, made):
                    if new_total[i] < new_total[best]:
                        best = i
            if best != k:
                for row in range(7):
                    fresh[row][k], fresh[row][best] = fresh[row][best], fresh[row][k]
            parents[now * beam + k] = new_parent[k]
            picks[now * beam + k] = new_pick[k]
        states, fresh = fresh, states
    best = 0
    for i in range(count):
        if states[0][i] < states[0][best]:
            best = i
    price = states[0][best]
    for back in range(len(block)):
        now = len(block) - 1 - back
        chosen[now] = picks[now * beam + best]
        best = parents[now * beam + best]
    return int(price)


STROKE_COLUMNS = ("cost", "anchor", "finger", "outward", "hand", "string")
"""What the search for strokes knows of one: its cost, the place of the hand in hundredths of strings, number of the
finger, 1 if outward, 1 for the left hand, and the string, 0 for several."""


@kernel
def cheapest_strokes(
    block: Columns,
    onset: Columns,
    pressed_until: Columns,
    first: Columns,
    after: Columns,
    options: Any,
    weights: Columns,
    totals: Any,
    parents: Columns,
    chosen: Columns,
) -> int:
    """Choose how every stroke is struck (Viterbi, exact): the hand moves little, and strokes in and out alternate.

    Parameters
    ----------
    block, onset : columns, one entry a stroke
        Its block of options; when it is struck, in microseconds.
    pressed_until : columns, one entry a stroke
        When the last press before this stroke ends as written; until then the left hand does not strike.
    first, after : columns, one entry a block
        Its options are `first` to `after` - 1, at least one.
    options : table
        One column each of :data:`STROKE_COLUMNS`.
    weights : columns
        shift, same finger, repeat, most options of a block.
    totals : table of two rows
        Space to work in.
    parents, chosen : columns
        Space to work in, of strokes * most entries; filled in, an option for each stroke.

    Returns
    -------
    int
        Cost of the way.
    """
    cost, anchor, finger = options[0], options[1], options[2]
    outward, hand, string = options[3], options[4], options[5]
    shift, same_finger, repeat, most = weights[0], weights[1], weights[2], weights[3]
    for now in range(len(block)):
        here = block[now]
        there = block[max(0, now - 1)]
        row, other = now % 2, 1 - now % 2
        since = max(onset[now] - onset[max(0, now - 1)], 50000)
        for j in range(first[here], after[here]):
            own = cost[j]
            if hand[j] == 1 and pressed_until[now] > onset[now]:
                own += 1000000
            best, best_price = 0, own
            if now > 0:
                best_price = 1 << 60
                for i in range(first[there], after[there]):
                    price = totals[other][i - first[there]] + own
                    if hand[i] == hand[j]:
                        price += shift * abs(anchor[i] - anchor[j]) * 10000 // since
                        if since < 300000:
                            if string[i] != string[j]:
                                if finger[i] == finger[j]:
                                    price += same_finger
                            elif string[i] > 0 and (finger[i] != finger[j] or outward[i] == outward[j]):
                                price += repeat
                    if price < best_price:
                        best, best_price = i - first[there], price
            totals[row][j - first[here]] = best_price
            parents[now * most + j - first[here]] = best
    last = len(block) - 1
    best = 0
    for j in range(after[block[last]] - first[block[last]]):
        if totals[last % 2][j] < totals[last % 2][best]:
            best = j
    price = totals[last % 2][best]
    for back in range(len(block)):
        now = last - back
        chosen[now] = first[block[now]] + best
        best = parents[now * most + best]
    return int(price)
