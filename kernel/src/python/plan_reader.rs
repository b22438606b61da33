//! Reads a `lob_backtest.contract.plan.Plan`.

// Written by scripts/generate_contract.py from lob_backtest/contract: change that, then run it.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::EngineError;
use crate::contract::generated::{Feed, Issue, IssuePolicy, PostOnly, QueueModel, SelfTrade};
use crate::contract::generated_plan::{
    AgentPlan, ChannelPlan, FeePlan, FillRules, InstrumentPlan, LatencyPlan, MmpPlan, OrderRules, Plan, QueueWeights,
    ReplaceRules, SessionPlan,
};

/// Read each item of a tuple.
fn each<T>(given: &Bound<'_, PyAny>, read: fn(&Bound<'_, PyAny>) -> PyResult<T>) -> PyResult<Vec<T>> {
    given.try_iter()?.map(|item| read(&item?)).collect()
}

/// Read a member of an enumeration.
fn code<T>(given: &Bound<'_, PyAny>, what: &str, of: fn(i64) -> Option<T>) -> PyResult<T> {
    let code = given.extract::<i64>()?;
    of(code).ok_or_else(|| EngineError::new_err(format!("the kernel has no {what} {code}")))
}

/// Read a policy per issue, by the issue's code; the first one where none is given.
fn by_issue(given: &Bound<'_, PyAny>) -> PyResult<[IssuePolicy; Issue::ALL.len()]> {
    let mut policies = [IssuePolicy::ALL[0]; Issue::ALL.len()];
    for (issue, policy) in given.cast::<PyDict>()?.iter() {
        let place = issue.extract::<usize>()?.wrapping_sub(1);
        if let Some(each) = policies.get_mut(place) {
            *each = code(&policy, "policy", IssuePolicy::of)?;
        }
    }
    Ok(policies)
}

fn feed(given: &Bound<'_, PyAny>) -> PyResult<Feed> {
    code(given, "feed", Feed::of)
}

fn post_only(given: &Bound<'_, PyAny>) -> PyResult<PostOnly> {
    code(given, "post only", PostOnly::of)
}

fn queue_model(given: &Bound<'_, PyAny>) -> PyResult<QueueModel> {
    code(given, "queue model", QueueModel::of)
}

fn self_trade(given: &Bound<'_, PyAny>) -> PyResult<SelfTrade> {
    code(given, "self trade", SelfTrade::of)
}

fn fill_rules(given: &Bound<'_, PyAny>) -> PyResult<FillRules> {
    Ok(FillRules {
        queue_model: queue_model(&given.getattr("queue_model")?)?,
        fill_on_younger_execution: given.getattr("fill_on_younger_execution")?.extract()?,
        hidden_any_side: given.getattr("hidden_any_side")?.extract()?,
        late_level_ns: given.getattr("late_level_ns")?.extract()?,
        late_print_ns: given.getattr("late_print_ns")?.extract()?,
    })
}

fn replace_rules(given: &Bound<'_, PyAny>) -> PyResult<ReplaceRules> {
    Ok(ReplaceRules {
        keeps_place: given.getattr("keeps_place")?.extract()?,
        size_is_total: given.getattr("size_is_total")?.extract()?,
        cancels_taker: given.getattr("cancels_taker")?.extract()?,
        cancels_filled: given.getattr("cancels_filled")?.extract()?,
    })
}

fn order_rules(given: &Bound<'_, PyAny>) -> PyResult<OrderRules> {
    Ok(OrderRules {
        replace: replace_rules(&given.getattr("replace")?)?,
        post_only: post_only(&given.getattr("post_only")?)?,
        self_trade: self_trade(&given.getattr("self_trade")?)?,
    })
}

fn queue_weights(given: &Bound<'_, PyAny>) -> PyResult<QueueWeights> {
    Ok(QueueWeights {
        values: given.getattr("values")?.extract()?,
        is_scale_free: given.getattr("is_scale_free")?.extract()?,
    })
}

fn instrument_plan(given: &Bound<'_, PyAny>) -> PyResult<InstrumentPlan> {
    Ok(InstrumentPlan {
        name: given.getattr("instrument")?.getattr("name")?.extract()?,
        feed: feed(&given.getattr("feed")?)?,
        depth: given.getattr("depth")?.extract()?,
        tick_lot_value: given.getattr("tick_lot_value")?.extract()?,
        venue: given.getattr("venue")?.extract()?,
        fill_rules: fill_rules(&given.getattr("fill_rules")?)?,
        queue_weights: queue_weights(&given.getattr("queue_weights")?)?,
        order_rules: order_rules(&given.getattr("order_rules")?)?,
    })
}

fn fee_plan(given: &Bound<'_, PyAny>) -> PyResult<FeePlan> {
    Ok(FeePlan {
        maker_rates: given.getattr("maker_rates")?.extract()?,
        taker_rates: given.getattr("taker_rates")?.extract()?,
    })
}

fn mmp_plan(given: &Bound<'_, PyAny>) -> PyResult<MmpPlan> {
    Ok(MmpPlan {
        lots: given.getattr("lots")?.extract()?,
        fills: given.getattr("fills")?.extract()?,
        interval_ns: given.getattr("interval_ns")?.extract()?,
        frozen_ns: given.getattr("frozen_ns")?.extract()?,
    })
}

fn session_plan(given: &Bound<'_, PyAny>) -> PyResult<SessionPlan> {
    Ok(SessionPlan {
        fees: fee_plan(&given.getattr("fees")?)?,
        max_position: given.getattr("max_position")?.extract()?,
        initial_position: given.getattr("initial_position")?.extract()?,
        mmp: mmp_plan(&given.getattr("mmp")?)?,
    })
}

fn latency_plan(given: &Bound<'_, PyAny>) -> PyResult<LatencyPlan> {
    Ok(LatencyPlan {
        constant_ns: given.getattr("constant_ns")?.extract()?,
        quantiles_ns: given.getattr("quantiles_ns")?.extract()?,
        stretch_ns: given.getattr("stretch_ns")?.extract()?,
        stream: given.getattr("stream")?.extract()?,
        measured_ts_ns: given.getattr("measured_ts_ns")?.extract()?,
        measured_ns: given.getattr("measured_ns")?.extract()?,
        is_interpolated: given.getattr("is_interpolated")?.extract()?,
        service_ns: given.getattr("service_ns")?.extract()?,
    })
}

fn channel_plan(given: &Bound<'_, PyAny>) -> PyResult<ChannelPlan> {
    Ok(ChannelPlan {
        entry_ns: given.getattr("entry_ns")?.extract()?,
        response_ns: given.getattr("response_ns")?.extract()?,
        latencies: each(&given.getattr("latencies")?, latency_plan)?,
        is_reordered: given.getattr("is_reordered")?.extract()?,
    })
}

fn agent_plan(given: &Bound<'_, PyAny>) -> PyResult<AgentPlan> {
    Ok(AgentPlan {
        sessions: each(&given.getattr("sessions")?, session_plan)?,
        channels: each(&given.getattr("channels")?, channel_plan)?,
        warm_up_ns: given.getattr("warm_up_ns")?.extract()?,
    })
}

/// Read a plan.
///
/// # Errors
/// A number is larger than 64 bits hold.
pub fn plan(given: &Bound<'_, PyAny>) -> PyResult<Plan> {
    Ok(Plan {
        instruments: each(&given.getattr("instruments")?, instrument_plan)?,
        agents: each(&given.getattr("agents")?, agent_plan)?,
        start_ns: given.getattr("start_ns")?.extract()?,
        end_ns: given.getattr("end_ns")?.extract()?,
        flatten: given.getattr("flatten")?.extract()?,
        markouts_ns: given.getattr("markouts_ns")?.extract()?,
        sample_ns: given.getattr("sample_ns")?.extract()?,
        taint_ns: given.getattr("taint_ns")?.extract()?,
        issue_policies: by_issue(&given.getattr("issue_policies")?)?,
        paranoid: given.getattr("paranoid")?.extract()?,
    })
}
