//! The models and the local emulator keep the same contract.

use local::{MiniStack, Project, Settings, Tools};
use simulation::{
    chance::Chance,
    clockwork,
    cloud::Cloud,
    contract::{Services, bucket, queues, tables},
    fault,
    wire::{ENDPOINT, Process, Wire},
};

async fn what_both_keep(services: &Services) {
    queues::hidden_and_back(services).await;
    queues::hidden_for_longer(services).await;
    queues::deleted(services).await;
    queues::moved_to_the_dead(services).await;
    queues::batches(services).await;
    bucket::put_once(services).await;
    bucket::wrong_checksum(services).await;
    bucket::complete_once(services).await;
    bucket::aborted(services).await;
    tables::claims(services).await;
    tables::indexes(services).await;
}

#[test]
fn the_models_keep_the_contract() {
    clockwork::run(async {
        let cloud = Cloud::start(Chance::of_seed(0), fault::none(), 0).expect("a cloud");
        let wire = Wire::client(&cloud, &Process::new("contract", 0));
        let services = Services::at(ENDPOINT, Some(wire));
        what_both_keep(&services).await;
        queues::moved_back_from_the_dead(&services).await;
        queues::hidden_for_too_long(&services).await;
    });
}

#[tokio::test]
async fn the_emulator_keeps_the_contract() {
    let project = Project::here().expect("the project");
    let tools = Tools::find(&project).expect("the tools");
    let folder = project.local_folder("tests/contract").expect("a folder");
    let ministack = MiniStack::start(&tools, &Settings::in_folder(folder))
        .await
        .expect("MiniStack");
    let endpoint = ministack.endpoint().url();
    what_both_keep(&Services::at(&endpoint, None)).await;
    ministack.stop().expect("it ends");
}
