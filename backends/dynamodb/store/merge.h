/*
 * Merges: the lines of one cart (from) go into another (the target), and from is closed. Two items
 * change, and no transaction of the server's is used: three writes, each of one item, each
 * conditional, each for anybody to repeat.
 *
 *   READ     the target, then from, both strongly.
 *   SEAL     from becomes "merging": it says where to, how, and under which merge_id (random,
 *            new for each seal). Nobody changes it now. Condition: its mark is as it was read; or,
 *            once another writer was faster, that it is open, and it is read again.
 *   DECIDE   the target gets the lines, and in the same write the decision "+merge_id" among
 *            its merges; or, where the rules do not let it have them, "-merge_id" alone.
 *            Condition: its mark is as it was read before from was seen under that merge_id.
 *   HOLD     only if another writer of the target was faster than DECIDE: until_ms takes the place
 *            of the target's expires_ms, and held_for names from. Then no condition of a change is
 *            true, and whoever wants to change it finishes the merge first. Condition: it is open.
 *            READ and DECIDE follow again, and DECIDE ends the hold.
 *   END      from becomes "merged", or "open" as it was. Condition: its merge_id.
 *   FORGET   the decision is removed, after the answer. Condition: it is there.
 *
 * DECIDE is the instant of the merge, for both carts. Before it from is open and the target is
 * without its lines; after it from is merged and the target has them. Whoever meets a merging cart
 * (a get, a list, a change, a delete, another merge) goes on with READ, and answers when END is
 * done; so nobody sees both or neither, however the service ended in between.
 *
 * Why nothing is doubled or lost. Every write of an item but the removal of old keys gives it
 * another mark, so DECIDE is applied once for what was read. A decision stays until END is done:
 * who reads the target, then sees from under the merge_id, then finds the target unchanged, knows
 * that nothing was decided between, and nothing before but what the target's merges said. This does
 * not depend on a clock: who stalls for an hour before DECIDE, END or FORGET finds its condition
 * false, or makes the step that is still due. A target that is not there any more decides nothing,
 * ever: its id is not used again, so from is opened. And a cart is removed only after the ENDs of
 * its decisions, so that none of them is forgotten with it.
 *
 * A hold is no part of that: it makes others help instead of compete, so that a target that is
 * changed all the time takes lines too. It may end at any moment. One that was left by a service
 * that was killed, or that comes when the merge is over, is ended by the next one who wants to
 * change the target and finds that from is not merging into it. Gets do not see it.
 *
 * Where the service ends, or a call fails:
 *
 *   before SEAL      nothing has happened.
 *   after SEAL       from is merging, without a decision. The next one who meets it decides by
 *                    the rules, and by what from says of strategy and If-Match. Nobody meets
 *                    it: it expires as it would have.
 *   after HOLD       the same; or the next one who wants to change the target does that.
 *   after DECIDE     the next one who meets from makes the END of the decision.
 *   after END        the decision stays in the target. A cart with DDB_DECISIONS_MAX of them
 *                    takes the next merge after it has removed one; one with any is deleted
 *                    after all of them.
 *   answer lost      both are read again. A SEAL whose answer was lost may still arrive while
 *                    from has the mark that it was conditional on; it is sent again, and if that
 *                    is not possible the op is UNCERTAIN. One that was conditional on less may
 *                    come whenever from is open: then only an op that was done is certain, and
 *                    the next seal has another merge_id.
 *
 * What else may come between SEAL and DECIDE: the target is changed (DECIDE's condition is false,
 * and the rules are asked again), is over its limits, checked out, merged elsewhere, expired,
 * claimed or damaged ("-", and from is open again), deleted (from is opened), or is itself merging:
 * then it is "-" too, and the op begins anew after a pause of random length, so of A into B and B
 * into A at once one succeeds. A second merge into the target changes its mark. A third one in a
 * chain finds from closed or merging, and finishes that one first.
 *
 * merge.c has READ and SEAL, merge_steps.h what follows, merge_task.h what both use.
 */
#ifndef BACKENDS_DYNAMODB_STORE_MERGE_H
#define BACKENDS_DYNAMODB_STORE_MERGE_H

#include "backends/dynamodb/store/task.h"

/* The task's op is a MERGE. */
void ddb_merge_start(struct ddb_task *task);
/* Finishes the merge of from into a cart that op has met, and removes its decision; then over(). It
 * may be over before that, or have never been. op's time is how long it tries. */
void ddb_merge_finish(struct ddb_task *task, const struct cart_id *from, const struct cart_id *into,
		      const struct cart_op *op, ddb_merge_over_fn *over);

#endif
