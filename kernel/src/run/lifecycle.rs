//! The stages of a run, from the first rows to the last sample.

use crate::client::agent::Callbacks;
use crate::contract::codes::{Ns, RequestKind, NEVER};
use crate::contract::error::RunError;
use crate::contract::generated_terms::Terms;
use crate::exchange::market::narrow;
use crate::run::state::Run;
use crate::run::step::{Call, Callback, Step};
use crate::wire::messages::Request;

pub(super) enum Stage {
    First,
    WarmUp(usize),
    Start(usize),
    Run,
    Stop(usize),
    Stopped(usize),
    Done,
}

impl Run {
    /// Get more rows for the instrument that is out of them, or return the step that has to be taken for it.
    pub(super) fn feed(&mut self) -> Result<Option<Step>, RunError> {
        let Some(instrument) = self.out_of_rows else { return Ok(None) };
        let market = &mut self.markets[instrument];
        loop {
            if market.input.wants_batch {
                return Ok(Some(Step::Load(instrument)));
            }
            if !market.cursor.is_out_of_rows {
                self.out_of_rows = None;
                return Ok(None);
            }
            if !market.poll_block()? {
                return Ok(Some(Step::Wait(instrument)));
            }
        }
    }

    /// Wait for the first rows of each instrument, which decide where the run starts.
    pub(super) fn first(&mut self) -> Option<Call> {
        self.out_of_rows = self.markets.iter().position(|market| market.cursor.is_out_of_rows);
        if self.out_of_rows.is_none() {
            let first_ns = self.markets.iter().map(|market| market.cursor.next_ns).min().unwrap_or(NEVER);
            self.start_ns = self.plan.start_ns.map_or(first_ns, |start_ns| start_ns.max(first_ns));
            self.sample_ns = self.start_ns;
            self.now_ns = self.start_ns;
            self.stage = Stage::WarmUp(0);
        }
        None
    }

    pub(super) fn warm_up(&mut self, instrument: usize) -> Result<Option<Call>, RunError> {
        let Some(market) = self.markets.get_mut(instrument) else {
            self.stage = Stage::Start(0);
            return Ok(None);
        };
        if market.cursor.next_ns < self.start_ns {
            market.advance(self.start_ns - 1, &mut self.outbox)?;
            self.out_of_rows = Some(instrument);
        } else {
            market.view.catch_up(self.start_ns - 1);
            market.start(self.start_ns, &mut self.outbox.recorder);
            self.stage = Stage::WarmUp(instrument + 1);
        }
        Ok(None)
    }

    pub(super) fn start(&mut self, index: usize) -> Option<Call> {
        let Some(agent) = self.agents.get_mut(index) else {
            self.stage = Stage::Run;
            return None;
        };
        self.stage = Stage::Start(index + 1);
        agent.open_ns = self.start_ns.saturating_add(self.plan.agents[index].warm_up_ns);
        let wanted = agent.callbacks.have(Callbacks::START);
        self.call(wanted, index, 0, self.start_ns, Callback::Start)
    }

    /// Return the end: as configured, but no later than the arrival of the last packet once that is known. It is now, once
    /// a strategy has asked for it.
    pub(super) fn end_ns(&self) -> Ns {
        if self.stop.is_some() {
            return self.now_ns;
        }
        let end_ns = self.plan.end_ns.unwrap_or(NEVER);
        if self.markets.iter().any(|market| market.cursor.next_ns < NEVER) {
            return end_ns;
        }
        self.markets.iter().map(|market| market.input.last_local_ns).max().map_or(end_ns, |last_ns| last_ns.min(end_ns))
    }

    pub(super) fn clock(&mut self, now_ns: Ns) -> Result<(), RunError> {
        // The last sample is taken by `finish`.
        if now_ns != self.end_ns() {
            self.sample(now_ns)?;
        }
        self.sample_ns += self.plan.sample_ns.min(NEVER);
        Ok(())
    }

    /// Record the accounts at the exchange.
    pub(super) fn sample(&mut self, now_ns: Ns) -> Result<(), RunError> {
        for agent in 0..self.agents.len() {
            for (instrument, market) in self.markets.iter().enumerate() {
                let matcher = &market.orders.matchers[agent];
                let named = |error: RunError| error.at(&market.plan.name);
                let cash = narrow(matcher.account.cash_tick_lots, "the cash of a strategy").map_err(named)?;
                let fees = narrow(matcher.account.fees_micro, "the sum of a strategy's fees").map_err(named)?;
                let quotes = [market.prices.mid2, matcher.own_book.best(1), matcher.own_book.best(-1)];
                let money = [matcher.account.position_lots, cash, fees];
                self.outbox.recorder.sample(now_ns, (agent, instrument), money, quotes);
            }
        }
        Ok(())
    }

    pub(super) fn stop(&mut self, index: usize) -> Option<Call> {
        let Some(agent) = self.agents.get_mut(index) else {
            self.stage = Stage::Done;
            return None;
        };
        agent.is_stopped = true;
        let wanted = agent.callbacks.have(Callbacks::STOP);
        self.stage = Stage::Stopped(index);
        self.call(wanted, index, 0, self.now_ns, Callback::Stop)
    }

    /// Flatten the positions of a strategy that has stopped, if the plan says so.
    pub(super) fn stopped(&mut self, agent: usize) -> Result<Option<Call>, RunError> {
        if self.plan.flatten {
            for instrument in 0..self.markets.len() {
                self.flatten(agent, instrument)?;
            }
        }
        self.stage = Stage::Stop(agent + 1);
        Ok(None)
    }

    /// Close a position at the end of a run, as far as what is displayed allows.
    pub(super) fn flatten(&mut self, agent: usize, instrument: usize) -> Result<(), RunError> {
        let now_ns = self.now_ns;
        let market = &mut self.markets[instrument];
        let position = market.orders.matchers[agent].account.position_lots;
        if position == 0 {
            return Ok(());
        }
        let side = if position > 0 { -1 } else { 1 };
        let order_id = self.agents[agent].new_id();
        let terms = Terms { tag: self.outbox.recorder.tags.tag("flatten"), ..Terms::new(side, None, position.abs()) };
        let request = Request::new((instrument, order_id), now_ns, RequestKind::New);
        market.flatten(agent, &Request { terms: Some(terms), ..request }, &mut self.outbox)
    }

    /// Complete the tables, whatever stopped the run.
    ///
    /// # Errors
    /// A sum of money does not fit its column.
    pub fn finish(&mut self) -> Result<(), RunError> {
        self.is_over = true;
        self.sample(self.now_ns)?;
        self.outbox.recorder.finish(&self.outbox.mids2);
        Ok(())
    }
}
